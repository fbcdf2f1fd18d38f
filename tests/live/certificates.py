"""A certificate authority of the tests' own, made by openssl."""

from __future__ import annotations

import ssl
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from unstick.backends import dial


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A directory with ``ca.pem`` and certificates for loopback: good, expired, for another host, self-signed."""
    if subprocess.run(["openssl", "version"], capture_output=True, check=False).returncode != 0:
        pytest.skip("openssl is not installed")
    folder = tmp_path_factory.mktemp("ca")

    def openssl(*args: str) -> None:
        subprocess.run(["openssl", *args], cwd=folder, check=True, capture_output=True)

    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    openssl("req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=lab", "-days", "2")
    for name, san in {"good": "IP:127.0.0.1", "expired": "IP:127.0.0.1", "host": "DNS:elsewhere.example"}.items():
        openssl("req", "-new", *key, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", "/CN=x")
        (folder / f"{name}.ext").write_text(f"subjectAltName={san}\n")
        past = (
            ["-not_before", "20200101000000Z", "-not_after", "20200102000000Z"]
            if name == "expired"
            else ["-days", "2"]
        )
        sign = ["x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial"]
        try:
            openssl(*sign, "-out", f"{name}.pem", "-extfile", f"{name}.ext", *past)
        except subprocess.CalledProcessError:  # before OpenSSL 3.4 x509 cannot backdate: the small CA program can
            _backdated(folder, openssl)
    alone = ["-addext", "subjectAltName=IP:127.0.0.1", "-subj", "/CN=x"]
    openssl("req", "-x509", *key, "-keyout", "alone.key", "-out", "alone.pem", *alone, "-days", "2")
    yield folder
    dial.tls_context.cache_clear()


def _backdated(folder: Path, openssl: Callable[..., None]) -> None:
    (folder / "index.txt").touch()
    (folder / "serial").write_text("01\n")
    (folder / "ca.cnf").write_text(
        "[ca]\ndefault_ca=c\n[c]\ndatabase=index.txt\nserial=serial\nnew_certs_dir=.\npolicy=p\n"
        "default_md=sha256\nx509_extensions=e\n[p]\ncommonName=supplied\n[e]\nsubjectAltName=IP:127.0.0.1\n"
    )
    span = ["-startdate", "20200101000000Z", "-enddate", "20200102000000Z"]
    signer = ["-cert", "ca.pem", "-keyfile", "ca.key"]
    openssl("ca", "-batch", "-config", "ca.cnf", "-in", "expired.csr", "-out", "expired.pem", *signer, *span)


def tls(folder: Path, name: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / f"{name}.pem", folder / f"{name}.key")
    return context
