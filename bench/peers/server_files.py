# SPDX-License-Identifier: Apache-2.0
"""Configuration of nginx and haproxy: mutual TLS 1.3, one process, one thread.

Both answer any request and close, or keep the connection. What is switched off (logs,
tickets, caches) is what would be work that the other servers do not do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

# OpenSSL's names, as the two take them.
CURVES = {"X25519": "X25519", "P-256": "P-256", "X25519MLKEM768": "X25519MLKEM768"}

NGINX = """\
daemon off;
master_process off;
pid {scratch}/pid;
error_log stderr crit;
worker_rlimit_nofile {descriptors};
events {{ worker_connections {most}; }}
http {{
    access_log off;
    client_body_temp_path {scratch}/body;
    proxy_temp_path {scratch}/proxy;
    fastcgi_temp_path {scratch}/fastcgi;
    uwsgi_temp_path {scratch}/uwsgi;
    scgi_temp_path {scratch}/scgi;
    server {{
        listen 127.0.0.1:{port} ssl;
        keepalive_timeout {keep};
        ssl_protocols TLSv1.3;
        ssl_ecdh_curve {curve};
        ssl_certificate {pki}/server.pem;
        ssl_certificate_key {pki}/server.key.pem;
        ssl_client_certificate {pki}/root.pem;
        ssl_verify_client on;
        ssl_verify_depth 4;
        ssl_session_tickets off;
        ssl_session_cache off;
        location / {{ return 200 "{body}"; }}
    }}
}}
"""

HAPROXY = """\
global
    nbthread 1
    maxconn {most}
    {limits}
    tune.ssl.cachesize 0
defaults
    mode http
    timeout client 30s
    timeout connect 30s
    timeout server 30s
    {keep}
frontend bench
    bind 127.0.0.1:{port} ssl crt {scratch}/server.pem ca-file {pki}/root.pem \
verify required ssl-min-ver TLSv1.3 curves {curve} no-tls-tickets
    http-request return status 200 content-type text/plain string "{body}"
"""

BODY = "handfast" * 8
MOST = 4096


def nginx(pki: Path, scratch: Path, port: int, group: str, hold: int = 0) -> list[str]:
    """Write nginx's configuration; return its arguments.

    With `hold`, so many connections are kept after the answer.
    """
    path = scratch / "nginx.conf"
    text = NGINX.format(
        pki=pki,
        scratch=scratch,
        port=port,
        curve=CURVES[group],
        body=BODY,
        most=hold or MOST,
        descriptors=(hold or MOST) + 100,
        keep="1h" if hold else "0",
    )
    path.write_text(text, "utf-8")
    return ["-p", str(scratch), "-e", "stderr", "-c", str(path)]


def haproxy(
    pki: Path, scratch: Path, port: int, group: str, hold: int = 0
) -> list[str]:
    """Write haproxy's configuration, and its chain and key; return its arguments.

    With `hold`, so many connections are kept after the answer.
    """
    pair = scratch / "server.pem"
    pair.touch(mode=0o600)
    pair.write_bytes(
        (pki / "server.pem").read_bytes() + (pki / "server.key.pem").read_bytes()
    )
    path = scratch / "haproxy.cfg"
    text = HAPROXY.format(
        pki=pki,
        scratch=scratch,
        port=port,
        curve=CURVES[group],
        body=BODY,
        most=hold or MOST,
        keep="timeout http-keep-alive 1h" if hold else "option httpclose",
        # It counts two descriptors a connection; here there is no second end.
        limits="no strict-limits" if hold else "",
    )
    path.write_text(text, "utf-8")
    # -db: in the foreground.
    return ["-db", "-q", "-f", str(path)]
