"""TLS to a real mosquitto: a certificate that fits, one of an unknown authority, and no TLS at all."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge_fer.config.schema import MqttConfig
from edge_fer.errors import BrokerError, ConfigError
from edge_fer.mqtt.connection import BrokerClient
from tests.broker import Mosquitto, needs_mosquitto

pytestmark = [
    needs_mosquitto,
    pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed (apt install openssl)"),
]


def self_signed(folder: Path, name: str) -> tuple[Path, Path]:
    """A certificate for localhost that is its own CA, and its key."""
    certificate, key = folder / f"{name}.pem", folder / f"{name}.key"
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-days",
        "1",
    ]
    command += ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    subprocess.run([*command, "-out", certificate, "-keyout", key], check=True, capture_output=True)
    key.chmod(0o600)
    return certificate, key


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    """mosquitto with TLS on its only port; its certificate is server.pem."""
    certificate, key = self_signed(tmp_path, "server")
    with Mosquitto(tmp_path, f"certfile {certificate}\nkeyfile {key}\nallow_anonymous true") as one:
        yield one


def settings(broker: Mosquitto, ca_file: Path) -> MqttConfig:
    """With TLS, trusting this CA."""
    return MqttConfig(host="localhost", port=broker.port, tls=True, ca_file=ca_file)


def test_a_certificate_of_a_trusted_ca_is_accepted(broker: Mosquitto, tmp_path: Path) -> None:
    """The certificate is verified against ca_file, and its name against mqtt.host."""
    connection = BrokerClient(settings(broker, tmp_path / "server.pem")).connect(client_id="tester")
    assert connection.protocol == "5"
    connection.disconnect()


def test_a_certificate_of_an_unknown_ca_is_refused(broker: Mosquitto, tmp_path: Path) -> None:
    """The message says what is wrong with the certificate, and the hint names the key."""
    other, _ = self_signed(tmp_path, "other")
    with pytest.raises(BrokerError, match=r"self.signed certificate \(check mqtt.ca_file"):
        BrokerClient(settings(broker, other)).connect(client_id="tester")


def test_a_certificate_of_another_name_is_refused(broker: Mosquitto, tmp_path: Path) -> None:
    """It is for localhost, not for 127.0.0.1."""
    config = settings(broker, tmp_path / "server.pem").model_copy(update={"host": "127.0.0.1"})
    with pytest.raises(BrokerError, match=r"the certificate names mqtt\.host"):
        BrokerClient(config).connect(client_id="tester")


def test_tls_to_a_plain_port_says_so(mosquitto: Mosquitto, tmp_path: Path) -> None:
    """The commonest mistake: 1883 with tls: true."""
    certificate, _ = self_signed(tmp_path, "server")
    with pytest.raises(BrokerError, match="this port does not use TLS"):
        BrokerClient(settings(mosquitto, certificate)).connect(client_id="tester")


def test_plaintext_to_a_tls_port_says_so(broker: Mosquitto) -> None:
    """The other way round: 8883 without tls."""
    with pytest.raises(BrokerError, match=r"did not answer CONNECT .*mqtt\.tls"):
        BrokerClient(broker.config).connect(client_id="tester")


def test_a_ca_file_that_cannot_be_used_is_a_config_error(tmp_path: Path) -> None:
    """Missing, or not a certificate: reported at the start, with the key."""
    nonsense = tmp_path / "ca.pem"
    nonsense.write_text("no certificate")
    for path, why in ((tmp_path / "absent.pem", "No such file"), (nonsense, "not a PEM certificate")):
        with pytest.raises(ConfigError, match=rf"mqtt.ca_file: .*{why}"):
            BrokerClient(MqttConfig(tls=True, ca_file=path))
