"""PostgreSQL, Redis and RabbitMQ as child processes on free loopback ports, each in a private directory.

    with Postgres() as postgres, Redis() as redis, Rabbit() as rabbit:
        postgres.url, redis.url, rabbit.amqp_url("/"), rabbit.management_url

Nothing of the machine's own servers is read or touched: no configuration, no data, no default port.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import pwd
import re
import secrets
import shutil
import signal
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

from tests.lab.processes import (
    LOOPBACK,
    Child,
    LabError,
    TempDir,
    clean_env,
    free_port,
    port_answers,
    wait_until,
)


class MissingServerError(LabError):
    """A server program is not installed; the text names the Debian package that brings it."""


_forbidden = ""
"""Why no server may be started, when none may."""


def forbid_servers(reason: str) -> None:
    """Lets every server count as missing from now on."""
    global _forbidden  # noqa: PLW0603 - a switch of the whole run
    _forbidden = reason


def find_program(name: str, *places: str, package: str) -> Path:
    """The path of a server program: the newest of the given places, else the one on PATH."""
    if _forbidden:
        raise MissingServerError(_forbidden)
    for place in places:
        for directory in sorted(Path("/").glob(place.lstrip("/")), key=_version_of, reverse=True):
            if (path := directory / name).exists():
                return path
    if found := shutil.which(name):
        return Path(found)
    raise MissingServerError(f"{name} is not installed (Debian package: {package})")


def _version_of(path: Path) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", str(path))]


_PG_PLACES = ("/usr/lib/postgresql/*/bin", "/opt/homebrew/opt/postgresql*/bin", "/usr/pgsql-*/bin")
# Debian's /usr/sbin/rabbitmq-server switches to the system's own user and directories: the program below does not.
_RABBIT_PLACES = (
    "/usr/lib/rabbitmq/bin",
    "/usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin",
    "/opt/homebrew/opt/rabbitmq/sbin",
)


def require_servers() -> None:
    """A :class:`MissingServerError` that names every Debian package that is missing to start all servers."""
    wanted = [
        ("initdb", _PG_PLACES, "postgresql"),
        ("redis-server", (), "redis-server"),
        ("rabbitmq-server", _RABBIT_PLACES, "rabbitmq-server"),
    ]
    missing = []
    for name, places, package in wanted:
        try:
            find_program(name, *places, package=package)
        except MissingServerError:
            missing.append(package)
    if missing:
        raise MissingServerError(_forbidden or f"not installed (Debian packages): {' '.join(missing)}")


class Server(ABC):
    """A server in a private directory: started, stopped, killed, paused at will; data and port survive a restart."""

    name: str

    def __init__(self, directory: Path | None = None) -> None:
        self._own_dir: TempDir | None = None
        if directory is None:
            self._own_dir = TempDir(self.name)
            directory = self._own_dir.path
        self.directory = directory
        self._child: Child | None = None

    @abstractmethod
    def start(self) -> None:
        """Starts the server and returns when it answers."""

    @property
    @abstractmethod
    def url(self) -> str:
        """How clients reach the server, credentials included."""

    @property
    def running(self) -> bool:
        """Whether the server process lives (a paused one does)."""
        return self._child is not None and self._child.alive

    @property
    def pid(self) -> int:
        """The process id of the running server."""
        return self._running_child().pid

    @property
    def log(self) -> Path:
        """The server's log file."""
        return self.directory / f"{self.name}.log"

    def pids(self) -> list[int]:
        """The server process and all its descendants."""
        return [process.pid for process in self._running_child().family()]

    def kill(self) -> None:
        """SIGKILL for the server with everything below it; :meth:`start` brings it back."""
        self._running_child().kill()
        self._child = None

    def pause(self) -> None:
        """SIGSTOP: connections stay open and nothing answers any more."""
        self._running_child().send(signal.SIGSTOP, whole_family=True)

    def resume(self) -> None:
        """SIGCONT after :meth:`pause`."""
        self._running_child().send(signal.SIGCONT, whole_family=True)

    def halt(self) -> None:
        """Ends the server in an orderly way and keeps its data; :meth:`start` brings it back."""
        if self._child is not None:
            self._child.end(signal.SIGTERM)
            self._child = None

    def restart(self) -> None:
        """An orderly end and a new start on the same port with the same data."""
        self.halt()
        self.start()

    def stop(self) -> None:
        """Ends the server for good and removes the directory it made for itself."""
        self.halt()
        if self._own_dir is not None:
            self._own_dir.remove()

    def _running_child(self) -> Child:
        if self._child is None:
            raise LabError(f"{self.name} does not run")
        return self._child

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


# ---------------------------------------------------------------------------------------------------- PostgreSQL


@dataclass(frozen=True, slots=True)
class LoggedStatement:
    """One statement as PostgreSQL logged it."""

    application: str
    database: str
    text: str


class Postgres(Server):
    """A PostgreSQL server with one superuser ``lab`` that must give its password (SCRAM).

    As root it runs as the user ``postgres`` (or ``nobody``), since PostgreSQL refuses root; otherwise as oneself.
    """

    name = "postgres"
    user = "lab"

    def __init__(
        self,
        directory: Path | None = None,
        *,
        log_statement: str = "none",
        max_connections: int = 100,
        standbys: int = 0,
    ) -> None:
        super().__init__(directory)
        self.standbys = standbys
        self.port = free_port()
        self.password = "lab-pg-" + secrets.token_hex(6)
        self.log_statement = log_statement
        self.max_connections = max_connections
        self._bin = find_program("initdb", *_PG_PLACES, package="postgresql").parent
        self._as_user = _unprivileged_user()
        self._home = self.directory / "pg"

    @property
    def url(self) -> str:
        return self.database_url("postgres")

    def database_url(self, database: str) -> str:
        """The connection string for one database."""
        return f"postgresql://{self.user}:{self.password}@{LOOPBACK}:{self.port}/{quote(database, safe='')}"

    def start(self) -> None:
        data = self._home / "data"
        if not data.exists():
            self._initdb(data)
        self.log.touch()
        settings = {
            "listen_addresses": LOOPBACK,
            "port": self.port,
            "unix_socket_directories": self._home,
            "fsync": "off",
            "full_page_writes": "off",
            "wal_level": "replica" if self.standbys else "minimal",
            "max_wal_senders": 2 * self.standbys,  # each takes one more while its data is copied
            "shared_buffers": "32MB",
            "max_connections": self.max_connections,
            "log_statement": self.log_statement,
            "log_line_prefix": "%m [%p] %a@%d ",
            "log_timezone": "UTC",
            "timezone": "UTC",
        }
        args: list[str | Path] = [self._bin / "postgres", "-D", data]
        for key, value in settings.items():
            args += ["-c", f"{key}={value}"]
        self._child = Child(
            args,
            log=self.log,
            env=clean_env(),
            cwd=self._home,
            user=self._as_user,
            last_signal=signal.SIGQUIT,
            name=self.name,
        )
        self._child.wait_ready(self._accepts, 20)

    def halt(self) -> None:
        """A fast shutdown: open connections are cut, the data is consistent."""
        if self._child is not None:
            self._child.end(signal.SIGINT)
            self._child = None

    def kill(self) -> None:
        """SIGKILL for the whole family; removes the System V segment that PostgreSQL could not remove itself."""
        super().kill()
        with contextlib.suppress(OSError, IndexError):
            words = (self._home / "data" / "postmaster.pid").read_text().splitlines()[6].split()
            subprocess.run(["ipcrm", "-m", words[1]], capture_output=True, check=False)

    def psql(self, sql: str, database: str = "postgres") -> str:
        """Runs SQL (each statement on its own, stops at the first error); rows as ``a|b`` lines."""
        done = subprocess.run(
            [
                *(self._bin / "psql", "-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1"),
                *("-h", LOOPBACK, "-p", str(self.port), "-U", self.user, "-d", database, "-f", "-"),
            ],
            input=sql,
            text=True,
            capture_output=True,
            env=clean_env(PGPASSWORD=self.password, PGAPPNAME="lab", PGCONNECT_TIMEOUT="5"),
            check=False,
        )
        if done.returncode != 0:
            raise LabError(f"psql: {done.stderr.strip()}")
        return done.stdout.strip()

    def logged(self, application: str | None = None) -> list[LoggedStatement]:
        """The statements logged so far (``log_statement`` decides which), of one application when named."""
        found: list[LoggedStatement] = []
        pattern = re.compile(r"^\S+ \S+ \S+ \[\d+\] (.*?)@(\S*) (\w+):  (.*)$")
        for line in self.log.read_text(errors="replace").splitlines():
            if line.startswith("\t") and found:
                last = found[-1]
                found[-1] = LoggedStatement(last.application, last.database, last.text + "\n" + line[1:])
            elif (match := pattern.match(line)) and match[3] == "LOG":
                text = re.match(r"(?:statement|execute [^:]*): (.*)", match[4])
                if text:
                    found.append(LoggedStatement(match[1], match[2], text[1]))
        return [entry for entry in found if application is None or entry.application == application]

    def _make_home(self) -> Path:
        self._home.mkdir(mode=0o700, exist_ok=True)
        if self._as_user:
            shutil.chown(self._home, self._as_user)
        return self._home

    def _initdb(self, data: Path) -> None:
        home = self._make_home()
        secret = home / "pw"
        secret.write_text(self.password + "\n")
        if self._as_user:
            shutil.chown(secret, self._as_user)
        self._once(
            *("initdb", "-D", data, "--no-sync", "-U", self.user, "--pwfile", secret),
            *("--auth=scram-sha-256", "--no-locale", "--encoding=UTF8"),
        )
        secret.unlink()

    def _once(self, program: str, *args: str | Path, **environment: str) -> None:
        """Runs one of PostgreSQL's programs to its end."""
        child = Child(
            [self._bin / program, *args],
            log=self.directory / f"{program}.log",
            env=clean_env(**environment),
            cwd=self._home,
            user=self._as_user,
        )
        wait_until(lambda: not child.alive, 60, program, 0.02)
        child.end()
        if child.returncode != 0:
            raise LabError(f"{program} failed:\n{child.tail()}")

    def _accepts(self) -> bool:
        if not port_answers(self.port):
            return False
        done = subprocess.run(
            [self._bin / "pg_isready", "-q", "-h", LOOPBACK, "-p", str(self.port)], env=clean_env(), check=False
        )
        return done.returncode == 0


class PostgresStandby(Postgres):
    """A streaming replica of ``primary``, which was started with ``standbys``; it calls itself ``standby``."""

    name = "standby"

    def __init__(self, primary: Postgres, directory: Path | None = None) -> None:
        super().__init__(directory, max_connections=primary.max_connections, standbys=primary.standbys)
        self.primary = primary
        self.password = primary.password

    def _initdb(self, data: Path) -> None:
        self._make_home()
        place = f"host={LOOPBACK} port={self.primary.port} user={self.user} application_name={self.name}"
        self._once(
            *("pg_basebackup", "-D", data, "-d", place, "-R", "-X", "stream", "-c", "fast", "--no-sync"),
            PGPASSWORD=self.password,
        )


class PgBouncer(Server):
    """A pooler in front of ``postgres``: two connections, lent by ``mode`` (session, transaction, statement)."""

    name = "pgbouncer"

    def __init__(self, postgres: Postgres, mode: str, directory: Path | None = None) -> None:
        super().__init__(directory)
        self.port = free_port()
        self.postgres = postgres
        self.mode = mode
        self._program = find_program("pgbouncer", "/usr/sbin", package="pgbouncer")

    @property
    def url(self) -> str:
        return self.through(self.postgres.url)

    def through(self, url: str) -> str:
        """The same database by way of the pooler."""
        return url.replace(f":{self.postgres.port}/", f":{self.port}/")

    def start(self) -> None:
        home = self.directory / "pool"
        home.mkdir(exist_ok=True)
        users, config = home / "users.txt", home / "pgbouncer.ini"
        users.write_text(f'"{self.postgres.user}" "{self.postgres.password}"\n')
        places = f"[databases]\n* = host={LOOPBACK} port={self.postgres.port}\n"
        listens = f"listen_addr = {LOOPBACK}\nlisten_port = {self.port}\nunix_socket_dir =\n"
        lends = f"auth_type = scram-sha-256\nauth_file = {users}\npool_mode = {self.mode}\ndefault_pool_size = 2\n"
        config.write_text(f"{places}[pgbouncer]\n{listens}{lends}")
        user = _unprivileged_user()
        if user:
            for path in (home, users, config):
                shutil.chown(path, user)
        self._child = Child(
            [self._program, config], log=self.log, env=clean_env(), cwd=home, user=user, name=self.name
        )
        self._child.wait_ready(lambda: port_answers(self.port), 10)


def _unprivileged_user() -> str | None:
    """Whom PostgreSQL runs as: ``None`` for oneself, another user when one is root."""
    if os.geteuid() != 0:
        return None
    for user in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            pwd.getpwnam(user)
            return user
    raise LabError("PostgreSQL refuses root and there is neither a user postgres nor nobody")


# --------------------------------------------------------------------------------------------------------- Redis


class Redis(Server):
    """A Redis server with 64 databases and, when asked for, a password."""

    name = "redis"
    databases = 64

    def __init__(self, directory: Path | None = None, *, password: str | None = None) -> None:
        super().__init__(directory)
        self.port = free_port()
        self.password = password
        self._program = find_program("redis-server", package="redis-server")

    @property
    def url(self) -> str:
        return self.database_url(0)

    def database_url(self, number: int) -> str:
        """The URL of one numbered database."""
        login = f":{quote(self.password, safe='')}@" if self.password else ""
        return f"redis://{login}{LOOPBACK}:{self.port}/{number}"

    def start(self) -> None:
        args: list[str | Path] = [
            *(self._program, "--port", str(self.port), "--bind", LOOPBACK, "--databases", str(self.databases)),
            *("--save", "", "--appendonly", "no", "--daemonize", "no", "--dir", self.directory),
        ]
        if self.password:
            args += ["--requirepass", self.password]
        self._child = Child(args, log=self.log, env=clean_env(), cwd=self.directory, name=self.name)
        self._child.wait_ready(self._answers, 10)

    def restart(self, *, keep_data: bool = True) -> None:
        """An orderly restart; without ``keep_data`` it comes back empty."""
        if keep_data:
            self.cli("SAVE")
        else:
            (self.directory / "dump.rdb").unlink(missing_ok=True)
        super().restart()

    def cli(self, *args: str, db: int = 0) -> str:
        """Runs one command through redis-cli and returns its raw output."""
        done = subprocess.run(
            ["redis-cli", "-h", LOOPBACK, "-p", str(self.port), "-n", str(db), "--raw", *args],
            text=True,
            capture_output=True,
            env=clean_env(**({"REDISCLI_AUTH": self.password} if self.password else {})),
            timeout=10,
            check=False,
        )
        if done.returncode != 0:
            raise LabError(f"redis-cli {args[0]}: {done.stderr.strip() or done.stdout.strip()}")
        return done.stdout.removesuffix("\n")

    @contextlib.contextmanager
    def monitor(self) -> Iterator[list[str]]:
        """Collects what MONITOR shows while the block runs: every command of every client, one line each."""
        lines: list[str] = []
        link = self._connect()
        link.sendall(b"MONITOR\r\n")
        reader = link.makefile("r", encoding="utf-8", errors="replace")
        reader.readline()

        def follow() -> None:
            with contextlib.suppress(OSError, ValueError):
                for line in iter(reader.readline, ""):  # one by one: the list grows while the block runs
                    lines.append(line.rstrip("\r\n").removeprefix("+"))  # noqa: PERF401

        thread = threading.Thread(target=follow, daemon=True)
        thread.start()
        try:
            yield lines
        finally:
            time.sleep(0.05)
            with contextlib.suppress(OSError):
                link.shutdown(socket.SHUT_RDWR)
            thread.join(2)
            link.close()

    def _connect(self) -> socket.socket:
        link = socket.create_connection((LOOPBACK, self.port), timeout=5)
        link.settimeout(None)
        if self.password:
            link.sendall(f"AUTH {self.password}\r\n".encode())
            link.recv(64)
        return link

    def _answers(self) -> bool:
        try:
            with self._connect() as link:
                link.settimeout(1)
                link.sendall(b"PING\r\n")
                return link.recv(16).startswith(b"+PONG")
        except OSError:
            return False


# ------------------------------------------------------------------------------------------------------ RabbitMQ


class Rabbit(Server):
    """A RabbitMQ node with the management plugin, its own node name, Erlang cookie and port mapper (epmd).

    ``prometheus=True`` adds the Prometheus plugin on ``prometheus_port``; ``settings`` are more lines for
    ``rabbitmq.conf``, for example ``{"channel_max": "64"}``.
    """

    name = "rabbitmq"
    user = "guest"

    def __init__(
        self, directory: Path | None = None, *, prometheus: bool = False, settings: dict[str, str] | None = None
    ) -> None:
        super().__init__(directory)
        self.password = "lab-mq-" + secrets.token_hex(6)
        self.port = free_port()
        self.management_port = free_port()
        self.prometheus_port = free_port() if prometheus else None
        self._epmd_port = free_port()
        self._dist_port = free_port()
        self._settings = settings or {}
        self._program = find_program("rabbitmq-server", *_RABBIT_PLACES, package="rabbitmq-server")
        self._epmd: Child | None = None
        self._home = self.directory / "mq"

    @property
    def node(self) -> str:
        """The Erlang node name."""
        return f"lab{self.port}@localhost"

    @property
    def url(self) -> str:
        return self.amqp_url()

    def amqp_url(self, vhost: str = "/") -> str:
        """The AMQP URL of one vhost."""
        return f"amqp://{self.user}:{self.password}@{LOOPBACK}:{self.port}/{quote(vhost, safe='')}"

    @property
    def management_url(self) -> str:
        """The management API's base URL, credentials included."""
        return f"http://{self.user}:{self.password}@{LOOPBACK}:{self.management_port}"

    @property
    def api_base(self) -> str:
        """The management API's base URL without credentials."""
        return f"http://{LOOPBACK}:{self.management_port}"

    def start(self) -> None:
        self._prepare()
        if self._epmd is None or not self._epmd.alive:
            epmd = find_program("epmd", "/usr/lib/erlang/erts-*/bin", package="erlang-base")
            self._epmd = Child(
                [epmd, "-port", str(self._epmd_port), "-address", LOOPBACK],
                log=self.directory / "epmd.log",
                env=clean_env(),
            )
            self._epmd.wait_ready(lambda: port_answers(self._epmd_port), 5)
        self._child = Child([self._program], log=self.log, env=self._env(), cwd=self._home, name=self.name)
        self._child.wait_ready(self._answers, 60)

    def halt(self) -> None:
        """Ends the broker in an orderly way; durable queues and persistent messages stay."""
        if self._child is not None:
            self._child.end(signal.SIGTERM, patience=15)
            self._child = None

    def stop(self) -> None:
        """Ends the broker and its port mapper for good. There is nothing worth an orderly end, so it is killed."""
        if self._child is not None:
            self._child.kill()
            self._child = None
        if self._epmd is not None:
            self._epmd.kill()
            self._epmd = None
        super().stop()

    @property
    def epmd_pid(self) -> int | None:
        """The process id of the node's own port mapper, while it runs."""
        return self._epmd.pid if self._epmd is not None and self._epmd.alive else None

    def ctl(self, *args: str) -> str:
        """Runs rabbitmqctl against this node (about 1.5 s each: prefer :meth:`api`)."""
        done = subprocess.run(
            [self._program.with_name("rabbitmqctl"), "-q", *args],
            text=True,
            capture_output=True,
            env=self._env(),
            timeout=60,
            check=False,
        )
        if done.returncode != 0:
            raise LabError(f"rabbitmqctl {' '.join(args)}: {done.stderr.strip() or done.stdout.strip()}")
        return done.stdout.rstrip("\n")

    def api(self, method: str, path: str, body: object = None) -> Any:
        """Calls the management API, ``path`` without ``/api/``; the decoded answer, or ``None`` when it is empty."""
        request = urllib.request.Request(
            f"{self.api_base}/api/{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"content-type": "application/json", "authorization": self._basic_auth()},
        )
        try:
            with _direct.open(request, timeout=10) as answer:
                raw = answer.read()
        except urllib.error.HTTPError as error:
            raise LabError(f"{method} {path}: {error.code} {error.read()[:200]!r}") from None
        return json.loads(raw) if raw else None

    def add_vhost(self, name: str) -> None:
        """Creates a vhost with all rights for the lab's user."""
        self.api("PUT", f"vhosts/{quote(name, safe='')}", {})
        rights = {"configure": ".*", "write": ".*", "read": ".*"}
        self.api("PUT", f"permissions/{quote(name, safe='')}/{self.user}", rights)

    def delete_vhost(self, name: str) -> None:
        """Deletes a vhost with everything in it; its connections are closed by the broker."""
        self.api("DELETE", f"vhosts/{quote(name, safe='')}")

    def _basic_auth(self) -> str:
        return "Basic " + base64.b64encode(f"{self.user}:{self.password}".encode()).decode()

    def _prepare(self) -> None:
        home = self._home
        if home.exists():
            return
        home.mkdir(mode=0o700)
        plugins = ["rabbitmq_management"]
        settings = {
            "listeners.tcp.1": f"{LOOPBACK}:{self.port}",
            "management.tcp.ip": LOOPBACK,
            "management.tcp.port": str(self.management_port),
            "default_user": self.user,
            "default_pass": self.password,
            "collect_statistics_interval": "5000",
            "log.console": "true",
            "log.console.level": "info",
            "log.file": "false",
            "disk_free_limit.absolute": "50MB",
        }
        if self.prometheus_port:
            plugins.append("rabbitmq_prometheus")
            settings |= {"prometheus.tcp.ip": LOOPBACK, "prometheus.tcp.port": str(self.prometheus_port)}
        settings |= self._settings
        (home / "rabbitmq.conf").write_text("".join(f"{key} = {value}\n" for key, value in settings.items()))
        (home / "enabled_plugins").write_text(f"[{','.join(plugins)}].\n")
        cookie = home / ".erlang.cookie"
        cookie.write_text(secrets.token_hex(16))
        cookie.chmod(0o400)

    def _env(self) -> dict[str, str]:
        home = self._home
        return clean_env(
            HOME=str(home),
            RABBITMQ_NODENAME=self.node,
            RABBITMQ_CONF_ENV_FILE=str(home / "none"),
            RABBITMQ_CONFIG_FILE=str(home / "rabbitmq.conf"),
            RABBITMQ_ADVANCED_CONFIG_FILE=str(home / "none.config"),
            RABBITMQ_ENABLED_PLUGINS_FILE=str(home / "enabled_plugins"),
            RABBITMQ_MNESIA_BASE=str(home / "mnesia"),
            RABBITMQ_LOG_BASE=str(home / "log"),
            RABBITMQ_PID_FILE=str(home / "pid"),
            RABBITMQ_GENERATED_CONFIG_DIR=str(home / "generated"),
            RABBITMQ_DIST_PORT=str(self._dist_port),
            RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS=(
                "+S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none -kernel inet_dist_use_interface {127,0,0,1}"
            ),
            ERL_EPMD_PORT=str(self._epmd_port),
            ERL_EPMD_ADDRESS=LOOPBACK,
            ERL_CRASH_DUMP=str(home / "erl_crash.dump"),
        )

    def _answers(self) -> bool:
        if not (port_answers(self.management_port) and port_answers(self.port)):
            return False
        try:
            self.api("GET", "overview")
        except (LabError, OSError):
            return False
        return True


_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def direct_http(url: str, method: str = "GET", timeout: float = 10) -> Any:
    """Opens an HTTP URL without any proxy from the environment: everything here is on loopback."""
    return _direct.open(urllib.request.Request(url, method=method), timeout=timeout)
