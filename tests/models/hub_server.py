"""A small Hub on the loopback: the calls of its HTTP interface that pushing and pulling a model make."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

TOKEN = "hf_right"


class Hub(ThreadingHTTPServer):
    """Repositories of models, in memory.

    repositories: the files of each by path. private: those that ask for the token to be read. cut: files of which half
    is sent before the connection breaks, and no more later. asked: "METHOD path" of each request.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Talk)
        self.repositories: dict[str, dict[str, bytes]] = {}
        self.private: set[str] = set()
        self.cut: set[str] = set()
        self.asked: list[str] = []
        self.stored: dict[str, bytes] = {}
        self.messages: list[str] = []

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def commit_of(self, repository: str) -> str:
        """The hash of what a repository holds."""
        digest = hashlib.sha1()
        for path, data in sorted(self.repositories[repository].items()):
            digest.update(path.encode() + data)
        return digest.hexdigest()


@contextmanager
def hub() -> Iterator[Hub]:
    """A Hub that answers while the context lasts."""
    server = Hub()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Talk(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Hub

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def do_PUT(self) -> None:
        self._answer()

    def _answer(self) -> None:
        path = unquote(urlsplit(self.path).path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.asked.append(f"{self.command} {path}")
        match path.strip("/").split("/"):
            case ["api", "validate-yaml"]:
                self._json({"errors": [], "warnings": []})
            case ["api", "repos", "create"] if self._allowed():
                self._create(json.loads(body))
            case ["api", "models", user, name, "preupload", _] if self._allowed() and self._there(f"{user}/{name}"):
                files = [
                    {"path": file["path"], "uploadMode": "lfs" if file["path"].endswith("tensors") else "regular"}
                    for file in json.loads(body)["files"]
                ]
                self._json({"files": [{**file, "shouldIgnore": False} for file in files]})
            case ["api", "models", user, name, "commit", _] if self._allowed() and self._there(f"{user}/{name}"):
                self._commit(f"{user}/{name}", [json.loads(line) for line in body.splitlines()])
            case ["api", "models", user, name, "tree", _] if self._there(f"{user}/{name}"):
                self._json([self._entry(*file) for file in self.server.repositories[f"{user}/{name}"].items()])
            case ["api", "models", user, name] | ["api", "models", user, name, "revision", _]:
                if self._there(f"{user}/{name}"):
                    self._json({"id": f"{user}/{name}", "sha": self.server.commit_of(f"{user}/{name}"), "siblings": []})
            case [user, name, "info", "lfs", "objects", "batch"] if self._allowed():
                self._json({"transfer": "basic", "objects": [self._place(one) for one in json.loads(body)["objects"]]})
            case ["storage", oid]:
                self.server.stored[oid] = body
                self._json({})
            case [user, name, "resolve", _, *parts] if self._there(f"{user}/{name}"):
                self._file(f"{user}/{name}", "/".join(parts))
            case _ if not self._sent:
                self._json({"error": "Not Found"}, 404)

    @property
    def _sent(self) -> bool:
        """Whether a check has answered the request already."""
        return getattr(self, "_refused", False)

    def handle_one_request(self) -> None:
        self._refused = False
        super().handle_one_request()

    def _allowed(self) -> bool:
        right = self.headers.get("Authorization") == f"Bearer {TOKEN}"
        if not right and not self._refused:
            self._refused = True
            self._json({"error": "Invalid credentials in Authorization header"}, 401)
        return right

    def _there(self, repository: str) -> bool:
        hidden = repository in self.server.private and self.headers.get("Authorization") != f"Bearer {TOKEN}"
        there = repository in self.server.repositories and not hidden
        if not there and not self._refused:  # as the Hub does: who may not see it is not told that it is there
            self._refused = True
            self._json(
                {"error": "Repository not found"}, 404 if self._given() else 401, {"X-Error-Code": "RepoNotFound"}
            )
        return there

    def _given(self) -> bool:
        return self.headers.get("Authorization") == f"Bearer {TOKEN}"

    def _create(self, said: dict[str, Any]) -> None:
        repository = f"{said['organization']}/{said['name']}"
        found = repository in self.server.repositories
        self.server.repositories.setdefault(repository, {})
        if said.get("private") or said.get("visibility") == "private":
            self.server.private.add(repository)
        self._json({"url": f"{self.server.address}/{repository}", "name": repository}, 409 if found else 200)

    def _commit(self, repository: str, lines: list[dict[str, Any]]) -> None:
        files = self.server.repositories[repository]
        for line in lines:
            said = line["value"]
            if line["key"] == "header":
                self.server.messages.append(said["summary"])
            elif line["key"] == "file":
                files[said["path"]] = base64.b64decode(said["content"])
            elif line["key"] == "lfsFile":
                files[said["path"]] = self.server.stored[said["oid"]]
        commit = self.server.commit_of(repository)
        address = f"{self.server.address}/{repository}/commit/{commit}"
        self._json({"success": True, "commitOid": commit, "commitUrl": address, "hookOutput": ""})

    def _place(self, one: dict[str, Any]) -> dict[str, Any]:
        return {**one, "actions": {"upload": {"href": f"{self.server.address}/storage/{one['oid']}", "header": {}}}}

    def _entry(self, path: str, data: bytes) -> dict[str, Any]:
        found = {"type": "file", "path": path, "size": len(data), "oid": hashlib.sha1(data).hexdigest()}
        if path.endswith("tensors"):
            found["lfs"] = {"oid": hashlib.sha256(data).hexdigest(), "size": len(data), "pointerSize": 134}
        return found

    def _file(self, repository: str, path: str) -> None:
        data = self.server.repositories[repository].get(path)
        if data is None:
            return self._json({"error": "Entry not found"}, 404, {"X-Error-Code": "EntryNotFound"})
        begin = int((self.headers.get("Range") or "bytes=0-").removeprefix("bytes=").split("-")[0])
        part = data[begin:]
        self.send_response(206 if begin else 200)
        self.send_header("X-Repo-Commit", self.server.commit_of(repository))
        self.send_header("ETag", f'"{hashlib.sha256(data).hexdigest()}"')
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(len(part)))
        if begin:
            self.send_header("Content-Range", f"bytes {begin}-{len(data) - 1}/{len(data)}")
        self.end_headers()
        if self.command == "HEAD":
            return None
        if path in self.server.cut:
            self.wfile.write(b"" if begin else part[: len(part) // 2])
            self.wfile.flush()
            self.close_connection = True
            return None
        self.wfile.write(part)
        return None

    def _json(self, said: Any, status: int = 200, headers: dict[str, str] | None = None) -> None:
        data = json.dumps(said).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
            self.send_header(name, value)
        if isinstance(said, dict) and "error" in said:
            self.send_header("X-Error-Message", said["error"])
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)
