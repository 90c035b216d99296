"""What a webhook may reach: the public internet, by TLS, briefly; the list of attacks on that."""

import socket
import threading
from ipaddress import ip_address

import pytest
from django.core.exceptions import ValidationError

from diagnosis.webhooks import outbound
from tests.diagnosis.webhooks.conftest import NAME, drip

INNER = (
    # loopback, "this", private, shared, link-local with metadata, reserved, multicast, broadcast
    *("127.0.0.1", "127.255.0.9", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1"),
    *("100.64.0.1", "100.100.100.200", "169.254.169.254", "192.0.0.192", "192.0.2.1"),
    *("198.18.0.1", "203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1"),
    *("255.255.255.255", "168.63.129.16", "192.88.99.1"),
    *("::", "::1", "fe80::1", "fc00::1", "fd00:ec2::254", "ff02::1", "fec0::1", "2001:db8::1"),
    *("3fff::1", "100::1", "5f00::1"),
    # IPv4 inside of IPv6: mapped, compatible, NAT64, 6to4, Teredo
    *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1"),
    *("64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "2002:7f00:1::1"),
    "2001:0:4136:e378:8000:63bf:80ff:fffe",
)
PUBLIC = ("8.8.8.8", "1.1.1.1", "2606:4700:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808")


def answered(*addresses):
    """A name server that says so, whatever it is asked."""
    real = socket.getaddrinfo

    def resolve(host, port, *args, **kwargs):
        if host not in (NAME, "trap.example.org"):
            return real(host, port, *args, **kwargs)
        return [
            (socket.AF_INET6 if ":" in each else socket.AF_INET, 1, 6, "", (each, port))
            for each in addresses
        ]

    return resolve


@pytest.mark.parametrize("address", INNER)
def test_no_inner_address_is_reached_by_number_or_by_name(address, monkeypatch):
    def nobody_connects(*args):
        raise AssertionError(args)

    monkeypatch.setattr(socket, "create_connection", nobody_connects)
    assert not outbound.is_allowed(ip_address(address))
    host = f"[{address}]" if ":" in address else address
    with pytest.raises(ValidationError, match="public internet"):
        outbound.check_url(f"https://{host}/")
    assert outbound.post(f"https://{host}/", b"", {}).error == "address_refused"
    for answer in ([address], ["8.8.8.8", address]):
        monkeypatch.setattr(socket, "getaddrinfo", answered(*answer))
        assert outbound.post("https://trap.example.org/", b"", {}).error == "address_refused"


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_allowed(address):
    assert outbound.is_allowed(ip_address(address))


@pytest.mark.parametrize(
    "url",
    [
        *("http://example.org/", "ftp://example.org/", "//example.org/", "example.org", ""),
        *("https://", "https:///path", "https://localhost/", "https://localhost.:8443/"),
        *("https://intranet/", "https://127.1/", "https://2130706433/", "https://0x7f.1/"),
        *("https://017700000001/", "https://[::1]:8443/", "https://[::ffff:7f00:1]/"),
        *("https://[fe80::1%25eth0]/", "https://[bad/", "https://example.org:99999/"),
        *("https://user:secret@example.org/", "https://example.org@127.0.0.1/"),
        *("https://example.org/#part", "https://exa mple.org/", "https://example.org/\r\nX: y"),
        *("https://example.org/\0", "https://exämple.org/", "https://example.org\\@127.0.0.1/"),
        f"https://example.org/{'a' * 500}",
    ],
)
def test_what_is_no_address_of_the_public_web_is_refused_by_a_sentence(url):
    with pytest.raises(ValidationError) as refused:
        outbound.check_url(url)
    assert len(refused.value.messages[0]) > 20


@pytest.mark.parametrize(
    "url",
    ["https://example.org/", "https://hooks.example.org:8443/a?b=c", "https://8.8.8.8/"],
)
def test_what_is_one_is_accepted(url):
    outbound.check_url(url)


def test_a_name_is_resolved_once_and_that_very_address_is_told(receiver, monkeypatch):
    asked = []
    first = answered("127.0.0.1")

    def rebinding(host, *args, **kwargs):
        asked.append(host)
        answer = first if asked.count(NAME) == 1 else answered("169.254.169.254")
        return answer(host, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    outcome = outbound.post(f"https://{NAME}:{receiver.port}/", b"{}", {})
    assert (outcome.status, outcome.error) == (200, "")
    assert asked.count(NAME) == 1
    [(_path, headers, _body)] = receiver.heard
    assert headers["Host"] == f"{NAME}:{receiver.port}"
    assert receiver.server_names == [NAME]


def test_a_certificate_of_another_name_or_of_nobody_known_is_refused(receiver, monkeypatch):
    monkeypatch.setattr(socket, "getaddrinfo", answered("127.0.0.1"))
    other = outbound.post(f"https://trap.example.org:{receiver.port}/", b"", {})
    assert (other.status, other.error) == (None, "certificate")
    monkeypatch.delenv("SSL_CERT_FILE")
    assert outbound.post(receiver.url, b"", {}).error == "certificate"
    assert not receiver.heard


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_an_answer_and_not_followed(receiver, status):
    receiver.status = status
    receiver.headers = {"Location": f"https://127.0.0.1:{receiver.port}/inner"}
    assert outbound.post(receiver.url, b"", {}).status == status
    assert len(receiver.heard) == 1


def test_whoever_answers_slowly_is_left_after_the_limit(receiver, monkeypatch):
    monkeypatch.setattr(outbound, "SECONDS", 0.5)
    is_left = threading.Event()

    def drip_until_left(handler) -> None:
        try:
            drip(handler)
        except OSError:
            is_left.set()

    receiver.behave = drip_until_left
    outcome = outbound.post(receiver.url, b"", {})
    assert (outcome.status, outcome.error) == (None, "timeout")
    assert is_left.wait(30)


def test_so_is_one_that_accepts_and_says_nothing(settings, monkeypatch, receiver):
    monkeypatch.setattr(outbound, "SECONDS", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"https://127.0.0.1:{silent.getsockname()[1]}/"
        assert outbound.post(url, b"", {}).error == "timeout"


def test_a_name_server_that_does_not_answer_holds_no_worker(monkeypatch):
    monkeypatch.setattr(outbound, "SECONDS", 0.3)
    over = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: over.wait(10) and [])
    assert outbound.post("https://trap.example.org/", b"", {}).error == "timeout"
    over.set()


def test_what_is_not_http_or_not_there_is_said(receiver, unused_tcp_port, monkeypatch):
    receiver.behave = lambda handler: handler.wfile.write(b"SSH-2.0-x\r\n\r\n")
    assert outbound.post(receiver.url, b"", {}).error == "not_http"
    receiver.behave = lambda handler: (
        [handler.wfile.write(b"HTTP/1.1 200 OK\r\n")]
        + [handler.wfile.write(b"X: " + b"x" * 70_000 + b"\r\n") for _ in range(50)]
    )
    assert outbound.post(receiver.url, b"", {}).error == "not_http"
    closed = outbound.post(f"https://127.0.0.1:{unused_tcp_port}/", b"", {})
    assert closed.error == "no_connection"
    assert outbound.post("https://nothing.invalid/", b"", {}).error == "name_not_found"


def test_proxies_of_the_environment_are_not_used(receiver, monkeypatch):
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert outbound.post(receiver.url, b"", {}).status == 200
