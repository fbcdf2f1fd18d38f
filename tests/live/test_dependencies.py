"""Dependencies that answer, are slow, hang, go away, have no name, or a certificate that ends."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.lab.fault_proxy import FaultProxy
from tests.lab.processes import free_port
from tests.live.bad_http import bad_server
from tests.live.certificates import tls
from tests.live.stack import Watch, greeting, until
from tests.live.systems import finding, judged, numbers, row, seen, title, value_of, watching_only
from unstick import settings
from unstick.backends import dial
from unstick.cli.side_lanes import dependency_lanes
from unstick.facts.dependency import DependencyFacts
from unstick.facts.level import Level
from unstick.facts.reading import TroubleKind
from unstick.secret import Url
from unstick.settings import Context, Dependency

pytestmark = pytest.mark.usefixtures("hasty")


def looked(*entries: Dependency) -> list[DependencyFacts]:
    """What one attempt at each says."""

    async def run() -> list[DependencyFacts]:
        found = []
        for spec in dependency_lanes(Context(dependency=entries)):
            lane = spec.build()
            await lane.once()
            found += [getattr(one.reading, "value", None) for one in lane.observations()]
            await lane.close()
        return [fact for fact in found if isinstance(fact, DependencyFacts)]

    return asyncio.run(run())


def at(url: str, **options: object) -> Dependency:
    return Dependency(url=Url(url), **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("path", "expected", "error"),
    [
        ("/ok?deep=1", True, None),
        ("/redirect", True, None),
        ("/401", True, None),
        ("/503", False, None),
        ("/nowhere", False, None),
        ("/large", True, None),
        ("/endless", True, None),
        ("/hang", False, "no complete answer within 0.5 s"),
        ("/garbage", False, "bad reply: "),
        ("/nothing", False, "connection closed"),
    ],
)
def test_an_address_of_the_web(path: str, expected: bool, error: str | None) -> None:
    async def run() -> tuple[DependencyFacts, list[str]]:
        async with bad_server() as server:
            (spec,) = dependency_lanes(Context(dependency=(at(server.url + path, timeout_s=0.5),)))
            lane = spec.build()
            await lane.once()
            (observed,) = lane.observations()
            await lane.close()
            assert await until(lambda: server.open == 0, 10) is not None, "the socket stayed open"
            fact = getattr(observed.reading, "value", None)
            assert isinstance(fact, DependencyFacts)
            return fact, server.requests

    fact, asked = asyncio.run(run())
    assert fact.expected is expected
    assert asked[0] == f"GET {path} HTTP/1.1"
    assert (fact.error or "").startswith(error or "")
    assert bool(fact.error) == bool(error)


def test_a_status_that_is_wanted() -> None:
    async def run() -> bool | None:
        async with (
            bad_server() as server,
            Watch(watching_only(dependency=(at(f"{server.url}/503", name="api", status=(503,)),))) as watch,
        ):
            await seen(lambda: row(watch, "dependency:api") is not None, "a row")
            return value_of(watch, "dependency:api").expected  # type: ignore[no-any-return]

    assert asyncio.run(run()) is True


def test_ports_and_names() -> None:
    with greeting() as port:
        up, down, gone, name, unknown, numberless = looked(
            at(f"tcp://127.0.0.1:{port}"),
            at(f"tcp://127.0.0.1:{free_port()}"),
            at(f"http://127.0.0.1:{free_port()}/x"),
            at("dns://localhost"),
            at("dns://no-such-host.invalid"),
            at("tcp://127.0.0.1"),
        )
    assert (up.expected, up.error, up.status) == (True, None, None)
    assert (down.error, down.trouble) == ("connection refused", TroubleKind.REFUSED)
    assert (gone.error, gone.trouble) == ("connection refused", TroubleKind.REFUSED)
    assert "127.0.0.1" in name.addresses
    assert (unknown.error, unknown.trouble) == ("[Errno -2] Name or service not known", TroubleKind.DNS)
    assert numberless.error == "the address names no port"


def test_the_end_of_a_certificate(authority: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority / "ca.pem"))
    dial.tls_context.cache_clear()

    async def run() -> None:
        async with bad_server(tls(authority, "good")) as good, bad_server(tls(authority, "expired")) as expired:
            entries = (
                at(f"https://127.0.0.1:{good.port}/ok", name="web"),
                at(f"tls://127.0.0.1:{good.port}", name="port"),
                at(f"https://127.0.0.1:{expired.port}/ok", name="old"),
            )
            async with Watch(watching_only(dependency=entries)) as watch:
                await seen(lambda: all(row(watch, f"dependency:{e.name}") for e in entries), "rows")
                for name in ("web", "port"):
                    left = numbers(watch, f"dependency:{name}")["certificate_seconds"]
                    assert left is not None
                    assert 86_400 < left <= 2 * 86_400
                    assert finding(watch, f"dependency:{name}:certificate").level is Level.CRITICAL  # type: ignore[union-attr]
                assert title(watch, "dependency:old:down") == (
                    "dependency:old: down: TLS: the server's certificate has expired"
                )

    asyncio.run(run())


def test_dolphin_goes_away_hangs_and_comes_back() -> None:
    """The preset at another port: a first time-out is a warning, the second is certain; what to do stands below it."""

    async def run() -> None:
        async with bad_server() as server:
            with FaultProxy(server.port) as proxy:
                await through(proxy)

    async def through(proxy: FaultProxy) -> None:
        entry = Dependency(
            preset="dolphin-anty", url=Url(f"http://127.0.0.1:{proxy.port}/ok"), timeout_s=0.5, slow_s=0.2
        )
        name = "dependency:Dolphin Anty"
        async with Watch(watching_only(dependency=(entry,))) as watch:
            await seen(lambda: "up, " in getattr(row(watch, name), "note", ""), "up")
            proxy.freeze()
            await seen(lambda: finding(watch, f"{name}:down") is not None, "down")
            await seen(lambda: finding(watch, f"{name}:down").level is Level.CRITICAL, "certain")  # type: ignore[union-attr]
            assert "no complete answer within 0.5 s" in title(watch, f"{name}:down")
            assert any("local API" in each.text for each in finding(watch, f"{name}:down").evidence)  # type: ignore[union-attr]
            assert row(watch, name).state.state == "fresh"  # type: ignore[union-attr]
            assert numbers(watch, name)["latency_seconds"] is None
            proxy.clear()
            await seen(lambda: finding(watch, f"{name}:down") is None, "up again")
            proxy.delay(0.3)
            await seen(lambda: finding(watch, f"{name}:slow") is not None, "slow")
            assert judged(watch, name).charted == "latency_seconds"

    asyncio.run(run())


def test_what_is_kept_out_of_every_text() -> None:
    (fact,) = looked(at(f"http://user:S3CR3T@127.0.0.1:{free_port()}/x?token=S3CR3T"))
    assert "S3CR3T" not in str(fact)
    assert settings.Dependency(url=Url("http://user:S3CR3T@h/x")).known_as == "h/x"
