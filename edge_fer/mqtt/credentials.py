"""How to log in to the broker: password and certificate authority, read once from files that only we may read."""

from __future__ import annotations

import ssl

from edge_fer.config.schema import MqttConfig
from edge_fer.errors import ConfigError


class _SelfClosingSocket(ssl.SSLSocket):
    """Closes itself when the handshake fails; paho 2.2 leaves that to the garbage collector."""

    def do_handshake(self, block: bool = False) -> None:
        try:
            super().do_handshake(block)
        except OSError:
            self.close()
            raise


def read_password(config: MqttConfig) -> str | None:
    """The first line of `mqtt.password_file`; None without one.

    Raises:
        ConfigError: The file cannot be read, or is empty.
    """
    path = config.password_file
    if path is None:
        return None
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "is not UTF-8 text"
        raise ConfigError(f"mqtt.password_file: {path}: {why}", "one line, readable by the service's user") from error
    if not lines or not lines[0]:
        raise ConfigError(f"mqtt.password_file: {path}: is empty", "write the password as its first line")
    return lines[0]


def tls_context(config: MqttConfig) -> ssl.SSLContext:
    """TLS 1.2 or later, verifying certificate and host name against `mqtt.ca_file`, or the system's authorities.

    Raises:
        ConfigError: The file cannot be read, or holds no certificate.
    """
    try:
        context = ssl.create_default_context(cafile=config.ca_file)
    except OSError as error:
        why = "is not a PEM certificate" if isinstance(error, ssl.SSLError) else error.strerror
        raise ConfigError(f"mqtt.ca_file: {config.ca_file}: {why}", "give the CA's certificate in PEM form") from error
    context.sslsocket_class = _SelfClosingSocket
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
