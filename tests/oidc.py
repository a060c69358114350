"""A small OpenID Connect provider in a thread: discovery, authorize, token, keys, end of session.

As a real one it wants a registered redirect, a secret, and the proof of PKCE, and signs with RS256.
Whoever is asked is `user`; nobody types a password.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey

CLIENT, SECRET = "ham-lab", "a secret of the client"


class Provider:
    """One client, one user at a time."""

    def __init__(self, redirect: str):
        self.redirect = redirect
        self.user: dict[str, object] = {}
        self.key = RSAKey.generate_key(2048, {"kid": "one", "use": "sig"})
        self.signs_with = self.key  # another one: somebody else's signature
        self.asked: list[str] = []  # the paths
        self._codes: dict[str, dict[str, str]] = {}
        self.url = ""

    @property
    def metadata(self) -> dict[str, object]:
        return {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/jwks",
            "end_session_endpoint": f"{self.url}/logout",
            "response_types_supported": ["code"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "code_challenge_methods_supported": ["S256"],
        }

    def authorize(self, query: dict[str, str]) -> str | None:
        """Where the browser goes next; None where the request is refused."""
        wanted = (query.get("client_id"), query.get("redirect_uri"), query.get("response_type"))
        if wanted != (CLIENT, self.redirect, "code") or "code_challenge" not in query:
            return None
        code = secrets.token_hex(8)
        self._codes[code] = query
        return f"{self.redirect}?{urlencode({'code': code, 'state': query['state']})}"

    def token(self, form: dict[str, str], authorization: str) -> dict[str, object] | None:
        asked = self._codes.pop(form.get("code", ""), None)
        basic = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        proof = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(proof).decode().rstrip("=")
        if not asked or authorization != f"Basic {basic}" or challenge != asked["code_challenge"]:
            return None
        now = int(time.time())
        about = {"iss": self.url, "aud": CLIENT, "iat": now, "exp": now + 300}
        claims = {**about, "sub": "1", "nonce": asked.get("nonce", ""), **self.user}
        signed = jwt.encode({"alg": "RS256", "kid": "one"}, claims, self.signs_with)
        return {"access_token": "access", "token_type": "Bearer", "id_token": signed}


@contextlib.contextmanager
def provider(redirect: str) -> Iterator[Provider]:
    """At work on a free port of this computer for as long as the block lasts."""
    at_work = Provider(redirect)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            at_work.asked.append(parts.path)
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            if parts.path == "/.well-known/openid-configuration":
                self._json(at_work.metadata)
            elif parts.path == "/jwks":
                self._json({"keys": [at_work.key.as_dict(private=False)]})
            elif parts.path == "/authorize" and (place := at_work.authorize(query)):
                self._go(place)
            elif parts.path == "/logout" and query.get("post_logout_redirect_uri"):
                self._go(query["post_logout_redirect_uri"])
            else:
                self._json({"error": "invalid_request"}, 400)

        def do_POST(self) -> None:
            at_work.asked.append(self.path)
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            form = {name: values[0] for name, values in parse_qs(body).items()}
            token = at_work.token(form, self.headers.get("Authorization", ""))
            self._json(token or {"error": "invalid_grant"}, 200 if token else 400)

        def _json(self, content: dict[str, object], status: int = 200) -> None:
            sent = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(sent)))
            self.end_headers()
            self.wfile.write(sent)

        def _go(self, place: str) -> None:
            self.send_response(302)
            self.send_header("Location", place)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    at_work.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield at_work
    finally:
        server.shutdown()
        server.server_close()
