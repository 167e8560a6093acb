"""Encryption by the standard library's ssl, with certificates made for the test."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.mini_qemu.native.harness import Machine, QmpProblem, Stage, wait_for

MIB = 1 << 20


def openssl(directory: Path, *words: str) -> None:
    subprocess.run(["openssl", *words], cwd=directory, check=True, capture_output=True)


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate authority, a server called "b" and a client, in files named as upstream names them."""
    if shutil.which("openssl") is None:
        pytest.skip("no openssl to make certificates with")
    d = tmp_path_factory.mktemp("keys")
    new = ("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    openssl(d, *new, "-x509", "-days", "2", "-subj", "/CN=ca", "-keyout", "ca-key.pem", "-out", "ca-cert.pem")
    for name, subject in (("server", "b"), ("client", "a")):
        openssl(d, *new, "-subj", f"/CN={subject}", "-keyout", f"{name}-key.pem", "-out", f"{name}.csr")
        (d / "names").write_text(f"subjectAltName=DNS:{subject}\n")
        signer = ("-CA", "ca-cert.pem", "-CAkey", "ca-key.pem", "-CAcreateserial", "-days", "2", "-extfile", "names")
        openssl(d, "x509", "-req", "-in", f"{name}.csr", *signer, "-out", f"{name}-cert.pem")
    return d


def pair(stage: Stage, keys: Path, *capabilities: str, hostname: str = "b") -> tuple[Machine, Machine]:
    creds = f"tls-creds-x509,id=tls0,dir={keys},endpoint="
    b = stage.mini("b", "-m", "2", "-S", "-incoming", "defer", "-object", creds + "server")
    a = stage.mini("a", "-m", "2", "-cpu", "writer", "-object", creds + "client")
    for machine in (a, b):
        machine.qmp.capabilities("return-path", *capabilities)
        machine.qmp("migrate-set-parameters", tls_creds="tls0")
    a.qmp("migrate-set-parameters", tls_hostname=hostname)
    wait_for(lambda: any(a.ram(4096)), "the guest has begun to write")
    b.qmp("migrate-incoming", uri=stage.uri())
    a.qmp("migrate", uri=stage.uri())
    return a, b


def test_precopy(stage: Stage, keys: Path):
    a, b = pair(stage, keys)
    assert a.qmp.wait_status("completed", "failed") == "completed"
    assert b.qmp.wait_status("completed", "failed") == "completed"
    a.settled("postmigrate")
    b.settled("paused")
    assert a.ram(2 * MIB) == b.ram(2 * MIB)


def test_postcopy(stage: Stage, keys: Path):
    a, b = pair(stage, keys, "postcopy-ram")
    a.qmp("migrate-start-postcopy")
    assert a.qmp.wait_status("completed", "failed") == "completed"
    assert b.qmp.wait_status("completed", "failed") == "completed"
    assert a.ram(2 * MIB) == b.ram(2 * MIB)


def test_the_other_end_is_called_differently(stage: Stage, keys: Path):
    a, b = pair(stage, keys, hostname="mallory")
    assert a.qmp.wait_status("completed", "failed") == "failed"
    assert "TLS handshake" in a.qmp("query-migrate")["error-desc"]
    a.settled("running")
    wait_for(lambda: "TLS handshake" in b.errors(), "the destination says why")
    # it goes on waiting, as upstream
    a.qmp("migrate-set-parameters", tls_hostname="b")
    a.qmp("migrate", uri=stage.uri())
    assert a.qmp.wait_status("completed", "failed") == "completed"


def test_one_end_only(stage: Stage, keys: Path):
    b = stage.mini("b", "-incoming", stage.uri())
    assert b.qmp("query-migrate")["status"] == "setup"
    a = stage.mini("a", "-object", f"tls-creds-x509,id=tls0,dir={keys},endpoint=client")
    a.qmp("migrate-set-parameters", tls_creds="tls0", tls_hostname="b")
    a.qmp("migrate", uri=stage.uri())
    assert a.qmp.wait_status("completed", "failed") == "failed"
    assert b.wait() == 1
    a.settled("running")


def test_keys_that_are_not_there(stage: Stage, tmp_path: Path):
    a = stage.mini("a", "-object", f"tls-creds-x509,id=tls0,dir={tmp_path},endpoint=client")
    with pytest.raises(QmpProblem):
        a.qmp("migrate-set-parameters", tls_creds="tls1")
    a.qmp("migrate-set-parameters", tls_creds="tls0")
    b = stage.mini("b", "-incoming", stage.uri())
    assert b.qmp("query-migrate")["status"] == "setup"
    a.qmp("migrate", uri=stage.uri())
    assert a.qmp.wait_status("completed", "failed") == "failed"
    assert "TLS cannot be set up" in a.qmp("query-migrate")["error-desc"]


@pytest.mark.parametrize(("end", "endpoint"), [("source", "server"), ("destination", "client")])
def test_keys_for_the_other_end(stage: Stage, keys: Path, end: str, endpoint: str):
    """Such a handshake would never end."""
    machine = stage.mini("a", "-incoming", "defer", "-object", f"tls-creds-x509,id=tls0,dir={keys},endpoint={endpoint}")
    other = stage.mini("o", *(["-incoming", stage.uri()] if end == "source" else []))
    other.qmp("query-status")
    if end == "source":
        machine = stage.mini("s", "-object", f"tls-creds-x509,id=tls0,dir={keys},endpoint={endpoint}")
    machine.qmp("migrate-set-parameters", tls_creds="tls0", tls_hostname="b")
    if end == "source":
        machine.qmp("migrate", uri=stage.uri())
        assert machine.qmp.wait_status("failed", "completed") == "failed"
        assert "is for a server" in machine.qmp("query-migrate")["error-desc"]
        machine.settled("running")
    else:
        machine.qmp("migrate-incoming", uri=stage.uri())
        other.qmp("migrate", uri=stage.uri())
        wait_for(lambda: "is for a client" in machine.errors(), "the destination says why")
