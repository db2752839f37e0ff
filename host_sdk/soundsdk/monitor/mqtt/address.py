"""The address of an MQTT broker, and the user's name and password. No message here repeats any of them."""

from __future__ import annotations

import os
import re
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

from soundsdk.errors import UsageError

USER, PASSWORD = "SOUNDSDK_MQTT_USER", "SOUNDSDK_MQTT_PASSWORD"
ENCODED = (
    "In the address, special characters of a user and a password are percent-encoded: "
    "%40 for @, %2F for /, %3A for :, %23 for #, %3F for ?, %25 for %. "
    f"Or leave them out of it, and set {USER} and {PASSWORD} to them as they are."
)
_EXAMPLE = "Give mqtt://HOST/PREFIX, such as mqtt://broker.local/sounds."


@dataclass(frozen=True)
class Broker:
    """The address of a broker.

    user, password: None if it needs none; not shown by repr. authority: a file of certificates (PEM) that those of the
    broker are checked with; None: those that this computer trusts.
    """

    host: str
    port: int
    tls: bool
    user: str | None = field(repr=False)
    password: str | None = field(repr=False)
    prefix: str
    authority: Path | None = None

    def __str__(self) -> str:
        """Return the address without user and password."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'mqtts' if self.tls else 'mqtt'}://{host}:{self.port}/{self.prefix}"


def parse(url: str, authority: Path | None = None) -> Broker:
    """Parse mqtt[s]://[user[:password]@]host[:port][/prefix]; UsageError if it is malformed.

    User and password are percent-decoded; if the address has none, those of SOUNDSDK_MQTT_USER and
    SOUNDSDK_MQTT_PASSWORD are used, as they are. Without a prefix: soundsdk.
    """
    scheme, _, rest = url.partition("://")
    if scheme not in ("mqtt", "mqtts") or not rest:
        raise UsageError("an MQTT address begins with mqtt://HOST or mqtts://HOST.", _EXAMPLE)
    # A / ? or # in a password ends the part with the host: what follows it would be shown as a topic.
    _, *tail = re.split("[/?#]", rest, maxsplit=1)
    if any("@" in words for words in tail):
        raise UsageError("the user or the password in the MQTT address holds / ? or #, which end it.", ENCODED)
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:  # whose text holds a piece of the address
        raise UsageError("the MQTT address has no host and port that can be read.", f"{_EXAMPLE} {ENCODED}") from None
    if not host or re.search(r"[\s\x00-\x1f]", host):
        raise UsageError("an MQTT address begins with mqtt://HOST or mqtts://HOST.", _EXAMPLE)
    prefix = unquote(parts.path).strip("/") or "soundsdk"
    if parts.query or parts.fragment or re.search(r"[+#\x00-\x1f]|//", prefix):
        raise UsageError("an MQTT prefix has none of + # ? and no empty level.", _EXAMPLE)
    tls = scheme == "mqtts"
    if authority is not None:
        _check_authority(authority, tls)
    user, password = _credentials(parts.username, parts.password)
    return Broker(host, port or (8883 if tls else 1883), tls, user, password, prefix, authority)


def _credentials(username: str | None, password: str | None) -> tuple[str | None, str | None]:
    if username is not None or password is not None:
        if password and not username:
            raise UsageError("the MQTT address has a password and no user.", _EXAMPLE)
        return unquote(username or "") or None, None if password is None else unquote(password)
    user, secret = os.environ.get(USER) or None, os.environ.get(PASSWORD) or None
    if secret and not user:
        raise UsageError(f"{PASSWORD} is set and there is no user.", f"Set {USER} as well.")
    return user, secret


def _check_authority(path: Path, tls: bool) -> None:
    if not tls:
        raise UsageError("--mqtt-ca needs an encrypted connection.", "Begin the address with mqtts://.")
    try:
        ssl.create_default_context().load_verify_locations(path)
    except (OSError, ssl.SSLError) as error:
        reason = "it holds no certificate (PEM)" if isinstance(error, ssl.SSLError) else error.strerror or str(error)
        raise UsageError(f"--mqtt-ca {path} cannot be used: {reason}.", "Give a file of certificates.") from error
