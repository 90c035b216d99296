"""One POST to an address that somebody gave: to the public internet only, and to nobody else.

The name is resolved once; every address that it has is checked, and the connection goes to one of
those very addresses, so that a second answer of the name server changes nothing (DNS rebinding).
Redirects are not followed, proxies of the environment not used, and the answer's body not read.
OWASP, Server-Side Request Forgery Prevention Cheat Sheet.
"""

import contextlib
import http.client
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import URLValidator
from django.utils.translation import gettext_lazy as _

from diagnosis.webhooks.models import MAX_URL, WebhookAttempt

SECONDS = 5  # in all: connection, handshake, request, and the answer's headers
# RFC 6052: IPv4 inside of IPv6, which a gateway would unpack.
NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
# RFC 4291, 2.4: all that is given out for the public internet.
GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")
# Special by the registries of IANA, which not every Python knows of; the last is where machines in
# Azure find their metadata.
SPECIAL = [
    ipaddress.ip_network(network)
    for network in ("192.0.0.0/24", "192.88.99.0/24", "3fff::/20", "168.63.129.16/32")
]
NOT_PUBLIC = _("Use a host on the public internet: this one is private, local or reserved.")
NO_URL = _("This is not an address of the web.")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Error = WebhookAttempt.Error


class NotSent(Exception):
    """Nothing was sent; ``error`` is one of WebhookAttempt.Error."""

    def __init__(self, error: str) -> None:
        super().__init__(error)
        self.error = error


@dataclass(frozen=True, slots=True)
class Outcome:
    status: int | None
    error: str
    milliseconds: int

    @property
    def is_accepted(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


def check_url(url: str, most: int = MAX_URL) -> None:
    """What is wrong with an address before any name is resolved. Raises ValidationError."""
    if len(url) > most:
        raise ValidationError(
            _("The address has more than %(most)d characters."), params={"most": most}
        )
    if not url.isascii() or not url.isprintable() or " " in url or not url.startswith("https://"):
        raise ValidationError(
            _("Enter an address that begins with https://, in ASCII (xn-- for other letters).")
        )
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname or "", parts.port
    except ValueError as error:
        raise ValidationError(NO_URL) from error
    if parts.username is not None or "#" in url:
        raise ValidationError(_("The address must hold no user, no password and no #."))
    if (literal := _literal(host)) is not None:
        if not is_allowed(literal):
            raise ValidationError(NOT_PUBLIC)
        return
    URLValidator(schemes=["https"], message=NO_URL)(url)
    if "." not in host.rstrip("."):
        raise ValidationError(NOT_PUBLIC)


def is_allowed(address: Address) -> bool:
    """Whether it is public, or in a network that settings.WEBHOOK_NETWORKS names."""
    address = _unpacked(address)
    if any(address in network for network in settings.WEBHOOK_NETWORKS):
        return True
    return (
        address.is_global
        and not (address.is_multicast or address.is_reserved)
        and not any(address in network for network in SPECIAL)
        and (address.version == 4 or address in GLOBAL_UNICAST)
    )


def post(url: str, body: bytes, headers: Mapping[str, str]) -> Outcome:
    """Send it, and say what came of it; only a bug raises."""
    began = time.monotonic()
    status, error = None, ""
    try:
        status = _post(url, body, headers, began + SECONDS)
    except NotSent as refused:
        error = refused.error
    except ssl.SSLCertVerificationError:
        error = Error.CERTIFICATE
    except TimeoutError:
        error = Error.TIMEOUT
    except http.client.HTTPException:
        error = Error.ANSWER
    except (OSError, ValueError):
        error = Error.CONNECTION
    elapsed = time.monotonic() - began
    if elapsed >= SECONDS and error in ("", Error.CONNECTION, Error.ANSWER):
        status, error = None, Error.TIMEOUT  # the deadline cut the answer off
    return Outcome(status, error, int(1000 * elapsed))


def _post(url: str, body: bytes, headers: Mapping[str, str], deadline: float) -> int:
    parts = urlsplit(url)
    port = parts.port or 443
    addresses = _checked(parts.hostname or "", port, deadline)
    connection = _Connection(parts.hostname or "", port, addresses, deadline)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        connection.request("POST", target, body, dict(headers))
        return connection.getresponse().status
    finally:
        connection.end()


def _checked(host: str, port: int, deadline: float) -> list[str]:
    """The addresses of the name, all of them allowed. Raises NotSent, TimeoutError."""
    addresses = _resolved(host, port, deadline)
    # Also where only one of them is private: which one is taken is not ours to hope for.
    if not addresses or not all(is_allowed(ipaddress.ip_address(each)) for each in addresses):
        raise NotSent(Error.ADDRESS)
    return addresses


def _resolved(host: str, port: int, deadline: float) -> list[str]:
    """In a thread of its own: nothing interrupts a wait for a name server that does not answer."""
    found: list[str] = []
    failed: list[Exception] = []

    def resolve() -> None:
        try:
            for *_rest, sockaddr in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
                found.append(str(sockaddr[0]).partition("%")[0])
        except (OSError, UnicodeError) as error:
            failed.append(error)

    thread = threading.Thread(target=resolve, daemon=True)
    thread.start()
    thread.join(max(0, deadline - time.monotonic()))
    if thread.is_alive():
        raise TimeoutError
    if failed:
        raise NotSent(Error.NAME) from failed[0]
    return list(dict.fromkeys(found))


class _Connection(http.client.HTTPSConnection):
    """TLS for the name, to one of the addresses that were checked, until a deadline."""

    def __init__(self, host: str, port: int, addresses: list[str], deadline: float) -> None:
        self.tls = ssl.create_default_context()
        super().__init__(host, port, context=self.tls)
        self.addresses = addresses
        self.deadline = deadline
        self.alarm: threading.Timer | None = None

    def connect(self) -> None:
        plain = self._connected()
        self.sock = self.tls.wrap_socket(
            plain, server_hostname=self.host, do_handshake_on_connect=False
        )
        # A time limit of a socket begins anew with each byte; this one does not.
        self.alarm = threading.Timer(self._left(), _hang_up, [self.sock])
        self.alarm.daemon = True
        self.alarm.start()
        self.sock.do_handshake()

    def _connected(self) -> socket.socket:
        """To the first address that answers."""
        *others, last = self.addresses
        for address in others:
            with contextlib.suppress(OSError):
                return socket.create_connection((address, self.port), self._left())
        return socket.create_connection((last, self.port), self._left())

    def end(self) -> None:
        if self.alarm:
            self.alarm.cancel()
        self.close()

    def _left(self) -> float:
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left


def _hang_up(sock: socket.socket) -> None:
    """From another thread: what waits for the other side wakes up."""
    with contextlib.suppress(OSError):
        socket.socket.shutdown(sock, socket.SHUT_RDWR)


def _literal(host: str) -> Address | None:
    """The address that a host is, also in the forms that only sockets read: 127.1, 0x7f.1."""
    try:
        return ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        pass
    try:
        return ipaddress.ip_address(socket.inet_aton(host.rstrip(".")))
    except (OSError, ValueError):
        return None


def _unpacked(address: Address) -> Address:
    """The IPv4 address inside of an IPv6 one; what is not there to be used stands for itself."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    inside = address.ipv4_mapped or address.sixtofour or (address.teredo or (None, None))[1]
    return inside or address
