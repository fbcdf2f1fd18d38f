"""A real automation worker: its numbers against its own answers, its rate limits, its pool, its breaker, its end."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from tests.lab.processes import Child, free_port, free_ports
from tests.lab.servers import direct_http
from tests.live.bad_http import bad_server
from tests.live.stack import Watch
from tests.live.systems import finding, numbers, row, seen, title, value_of, watching_only
from tests.live.test_health import program
from unstick import settings
from unstick.cli.discovery_here import asked, automation
from unstick.facts.automation import AutomationFacts
from unstick.facts.level import Level
from unstick.secret import Url
from unstick.settings import Automation, Context, Locks

pytestmark = pytest.mark.usefixtures("hasty")
API = "/api/v1"


@contextlib.contextmanager
def workers(
    folder: Path, database: str, count: int = 1, ui_port: int | None = None
) -> Iterator[tuple[int, list[Child]]]:
    """Automation workers on ports one after the other; they have tasks unless the test must be alone."""
    first = free_ports(count).start
    with contextlib.ExitStack() as stack:
        children = []
        for number in range(count):
            port = first + number
            env = {"WORLD_PORT": str(port), "WORLD_WORKER_ID": f"worker_{number + 1}", "DATABASE_URL": database}
            env["WORLD_UI_URL"] = f"http://127.0.0.1:{ui_port or port}{API}/health/simple"
            env["WORLD_UI_EVERY_S"] = "0.3"
            run = program(folder, port, "-m", "demo_data.world.automation_worker", **env)
            children.append(stack.enter_context(run))
        yield first, children


def ask(port: int, path: str) -> Any:
    with direct_http(f"http://127.0.0.1:{port}{API}{path}") as answer:
        return json.loads(answer.read())


def of(port: int, **options: Any) -> Context:
    entry = Automation(url=Url(f"http://127.0.0.1:{port}"), **options)
    # Its limits are per minute: at the lab's haste they would be used up within the test.
    calm = settings.Intervals(automation_s=2.0, lock_endpoints_s=2.0)
    return watching_only(automation=(entry,), intervals=calm)


def test_several_on_ports_in_a_row(lab_dir: Path, database: str) -> None:
    async def run(port: int, children: list[Child]) -> None:
        context = of(port, name="upload-{n}", workers=2)
        names = ["automation:upload-1", "automation:upload-2"]
        async with Watch(context) as watch:
            await seen(lambda: all(row(watch, name) for name in names), "both")
            facts: AutomationFacts = value_of(watch, names[0])
            status = await asyncio.to_thread(ask, port, "/status")
            metrics = await asyncio.to_thread(ask, port, "/metrics")
            assert (facts.worker, facts.address) == ("worker_1", f"127.0.0.1:{port}")
            assert (facts.alive, facts.healthy, facts.status) == (True, True, "healthy")
            usage = status["resource_usage"]
            assert facts.memory_limit_bytes == usage["memory_limit_mb"] * 2**20
            assert facts.memory_bytes == pytest.approx(usage["memory_mb"] * 2**20, rel=0.3)
            assert facts.max_active == status["max_concurrent_tasks"] == 3
            (pool,) = facts.pools
            true = metrics["database_pools"]["default"]
            assert (pool.minimum, pool.maximum) == (true["min_connections"], true["max_connections"])
            assert [(b.name, b.state) for b in facts.breakers] == [("ui-service", "closed")]
            assert {"task_duration", "http_request_duration", "db_query", "task_execution", "http_request"} >= {
                timing.name.removesuffix("_seconds") for timing in facts.timings
            }
            limits = {each.endpoint: each.limit for each in facts.allowances}
            assert limits == {"health/simple": 200, "health": 200, "status": 100, "metrics": 20}
            assert watch.board is not None
            assert watch.board.subjects.workers is not None
            lives = {worker.id: worker.life for worker in watch.board.subjects.workers.items}
            assert lives == {"worker_1": "alive", "worker_2": "alive"}
            assert watch.board.subjects.locks is not None
            children[1].kill()
            await seen(lambda: life(watch, "worker_2") == "dead", "the second one dead")
            assert life(watch, "worker_1") == "alive"
            assert any("worker worker_2 is dead: connection refused" in f.title for f in watch.board.findings)

    with workers(lab_dir, database, 2) as (port, children):
        asyncio.run(run(port, children))


def life(watch: Watch, name: str) -> str | None:
    assert watch.board is not None
    found = watch.board.subjects.workers.find(name) if watch.board.subjects.workers else None
    return found.life if found else None


def test_a_limit_that_others_use_up_is_obeyed(lab_dir: Path, database: str) -> None:
    """Others have asked nineteen times: unstick leaves the rest to them, and when it is refused it waits as told."""

    async def run(port: int) -> None:
        name = f"automation:127.0.0.1:{port}"
        for _ in range(17):
            await asyncio.to_thread(ask, port, "/metrics")
        async with Watch(of(port)) as watch:
            await seen(lambda: "metrics: " in " ".join(getattr(value_of(watch, name), "partial", ())), "spared")
            facts: AutomationFacts = value_of(watch, name)
            assert any("requests left, asked again in" in reason for reason in facts.partial)
            assert facts.completed is not None, "what it said a moment ago still counts"
            assert finding(watch, f"{name}:limit:metrics") is None, "nobody was refused"
            left = {each.endpoint: each.left for each in facts.allowances}
            assert left["metrics"] in {0, 1, 2}
        for _ in range(3):
            with contextlib.suppress(OSError):
                await asyncio.to_thread(ask, port, "/metrics")
        async with Watch(of(port)) as watch:
            await seen(lambda: finding(watch, f"{name}:limit:metrics") is not None, "refused")
            assert title(watch, f"{name}:limit:metrics").startswith(
                f"{name}: rate limit hit: metrics refuses (429), asked again in "
            )
            facts = value_of(watch, name)
            assert (facts.completed, facts.pools, facts.alive) == (None, (), True)
            asked_before = ask_count(port)
            await asyncio.sleep(1)
            assert await asyncio.to_thread(ask_count, port) - asked_before <= 20, "the others go on being asked"

    with workers(lab_dir, database) as (port, _):
        asyncio.run(run(port))


def ask_count(port: int) -> int:
    """Requests of any kind that the worker has counted, by a question of another family."""
    with direct_http(f"http://127.0.0.1:{port}{API}/status") as answer:
        limit, left = (int(answer.headers[f"X-RateLimit-{word}"]) for word in ("Limit", "Remaining"))
    return limit - left


def test_an_exhausted_pool_and_an_open_breaker(lab_dir: Path, database: str) -> None:
    async def run(port: int) -> None:
        name = f"automation:127.0.0.1:{port}"
        holder = await asyncpg.connect(database)
        try:
            async with Watch(of(port, locks=False)) as watch:
                await seen(lambda: row(watch, name) is not None, "a row")
                async with holder.transaction():
                    await holder.execute("LOCK TABLE dashboard_tasklock")
                    stuck = [asyncio.create_task(asyncio.to_thread(ask, port, "/locks")) for _ in range(8)]
                    await seen(lambda: finding(watch, f"{name}:pool:default") is not None, "exhausted")
                    await seen(lambda: "of 6, " in title(watch, f"{name}:pool:default"), "somebody waits")
                    assert finding(watch, f"{name}:pool:default").level is Level.CRITICAL  # type: ignore[union-attr]
                    assert numbers(watch, name)["pool_connections"] == 6
                await asyncio.gather(*stuck)
                await seen(lambda: finding(watch, f"{name}:breaker:ui-service") is not None, "the breaker")
                assert "circuit breaker ui-service is open after 5 failures" in title(
                    watch, f"{name}:breaker:ui-service"
                )
                assert "ui-service down" in title(watch, f"{name}:health")
                await seen(lambda: finding(watch, f"{name}:pool:default") is None, "room in the pool")
        finally:
            await holder.close()

    with workers(lab_dir, database, ui_port=free_port()) as (port, _):
        asyncio.run(run(port))


def test_a_worker_that_answers_nonsense(lab_dir: Path) -> None:
    """Ten megabytes, garbage, HTML, nothing: the source says so, and no row is green."""

    async def run() -> None:
        for path, words in (
            ("/endless", "more than"),
            ("/garbage", "bad reply"),
            ("/nowhere", "404"),
        ):
            async with bad_server() as server:
                # The path of the prefix decides what is answered: what follows it is ignored by none of them.
                entry = Automation(url=Url(server.url), prefix=f"{path}?", locks=False)
                async with Watch(watching_only(automation=(entry,))) as watch:
                    await seen(lambda watch=watch: bool(trouble(watch)), path)  # type: ignore[misc]
                    assert words in trouble(watch)
                    assert watch.board is not None
                    assert watch.board.subjects.services.level.rank > Level.OK.rank

    asyncio.run(run())


def trouble(watch: Watch) -> str:
    (state,) = watch.states.values() or (None,)
    return state.trouble.text if state and state.trouble and not state.pending else ""


def test_what_is_said_of_locks_is_said_once(lab_dir: Path, database: str) -> None:
    port = free_port()
    url = Url(f"http://127.0.0.1:{port}")
    both = watching_only(automation=(Automation(url=url),), locks=Locks(table=None, urls=(url,)))
    from unstick.cli.wiring import lane_specs  # noqa: PLC0415

    names = [source.id for spec in lane_specs(both) for source in spec.sources]
    assert names.count(f"locks:127.0.0.1:{port}") == 1


def test_workers_on_the_usual_ports_are_found(lab_dir: Path, database: str) -> None:
    with workers(lab_dir, database, 2) as (port, _):
        assert asyncio.run(automation(1.0, port)) == 2
        assert asyncio.run(automation(1.0, port + 1)) == 1
    assert asyncio.run(automation(1.0, port)) == 0


def test_what_listens_there_and_is_something_else() -> None:
    async def run() -> None:
        async with bad_server() as server:
            assert await automation(1.0, server.port) == 0
            for path in ("/ok", "/garbage", "/endless", "/503"):
                assert not isinstance(await asked(Url(server.url), path, 1.0), list)

    asyncio.run(run())
