"""Colours as people see them: contrast (WCAG 2), colour vision deficiency (Machado 2009), difference (OKLab)."""

from __future__ import annotations

import math

Rgb = tuple[float, float, float]

VISIONS: dict[str, tuple[Rgb, Rgb, Rgb]] = {
    "protan": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    "deutan": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881)),
    "tritan": ((1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602), (0.004733, 0.691367, 0.303900)),
}
"""Severity 1.0 of Machado, Oliveira and Fernandes, IEEE TVCG 15 (2009), table 1; on linear RGB."""


def linear(color: str) -> Rgb:
    """``#rrggbb`` as linear RGB, 0 to 1."""
    parts = [int(color[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return red, green, blue


def contrast(first: str, second: str) -> float:
    """WCAG 2 contrast ratio of two ``#rrggbb`` colours, 1 to 21.

    >>> contrast("#000000", "#ffffff")
    21.0
    """
    light, dark = sorted((_luminance(first), _luminance(second)), reverse=True)
    return round((light + 0.05) / (dark + 0.05), 2)


def _luminance(color: str) -> float:
    red, green, blue = linear(color)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def seen(color: str, vision: str) -> Rgb:
    """``color`` in linear RGB as somebody with ``vision`` sees it; ``normal`` sees all of it."""
    rgb = linear(color)
    if vision == "normal":
        return rgb
    red, green, blue = (sum(share * part for share, part in zip(row, rgb, strict=True)) for row in VISIONS[vision])
    return _inside(red), _inside(green), _inside(blue)


def _inside(value: float) -> float:
    return min(1.0, max(0.0, value))


def difference(first: Rgb, second: Rgb) -> float:
    """Distance in OKLab times 100: 2 is just noticed side by side, 10 is seen at a glance."""
    return 100 * math.dist(_oklab(first), _oklab(second))


def _oklab(rgb: Rgb) -> Rgb:
    """Björn Ottosson's OKLab of linear RGB: lightness, green to red, blue to yellow."""
    red, green, blue = rgb
    long = (0.4122214708 * red + 0.5363325363 * green + 0.0514459929 * blue) ** (1 / 3)
    middle = (0.2119034982 * red + 0.6806995451 * green + 0.1073969566 * blue) ** (1 / 3)
    short = (0.0883024619 * red + 0.2817188376 * green + 0.6299787005 * blue) ** (1 / 3)
    return (
        0.2104542553 * long + 0.7936177850 * middle - 0.0040720468 * short,
        1.9779984951 * long - 2.4285922050 * middle + 0.4505937099 * short,
        0.0259040371 * long + 0.7827717662 * middle - 0.8086757660 * short,
    )
