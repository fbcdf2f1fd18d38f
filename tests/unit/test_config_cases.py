"""Every kind of bad configuration: its line, its words, its exit code. Section E of the safety notes counts them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from unstick.config import ConfigError, load
from unstick.facts.text import clean
from unstick.tui.own import check_screen

CANARY = "S3CR3T-canary"


def write(folder: Path, text: str | bytes, mode: int = 0o600) -> Path:
    path = folder / "unstick.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    path.chmod(mode)
    return path


def problems(path: Path, environ: dict[str, str] | None = None, context: str | None = None) -> list[str]:
    """The lines that the command line would print, without the folder; exit code 78 is a part of the claim."""
    with pytest.raises(ConfigError) as caught:
        load(path, context, environ or {}, check_screen=check_screen)
    assert caught.value.exit_code == 78
    return [str(problem).replace(f"{path.parent}{os.sep}", "") for problem in caught.value.problems]


def test_1_a_named_file_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path / "farm.toml", None, {})
    assert caught.value.exit_code == 66
    expected = f"{tmp_path}/farm.toml: no such file; mend: unstick init > {tmp_path}/farm.toml"
    assert [str(problem) for problem in caught.value.problems] == [expected]


def test_1_a_folder_and_an_unreadable_file_are_no_input_either(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is a directory") as caught:
        load(tmp_path, None, {})
    assert caught.value.exit_code == 66
    loop = tmp_path / "loop.toml"
    loop.symlink_to(loop)
    with pytest.raises(ConfigError, match="cannot be read") as caught:
        load(loop, None, {})
    assert caught.value.exit_code == 66


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a = 1\nb 2\n", "unstick.toml:2:3: expected '=' after a key in a key/value pair; mend: write KEY = VALUE"),
        ("\n\n[screen\n", "unstick.toml:3:8: expected ']' at the end of a table declaration; mend: close the table"),
        ('a = "one" b = 2\n', "unstick.toml:1:11: expected newline or end of document after a statement; mend: one"),
        ('a = "one\n', "unstick.toml:1:9: illegal character '\\n'; mend: write KEY"),
        ('a = """one\n', "unstick.toml: unterminated string; mend: the text ends within a value"),
        ("[screen]\ntheme =\n", "unstick.toml:2:8: invalid value; mend: write KEY = VALUE"),
    ],
)
def test_2_syntax(tmp_path: Path, text: str, line: str) -> None:
    (only,) = problems(write(tmp_path, text))
    assert only.startswith(line)


def test_3_unknown_keys_with_the_one_that_was_meant(tmp_path: Path) -> None:
    text = '[postgres]\nurk = "x"\n[crawler]\ngrace = "3m"\n[thresholds]\ngrace_s = "3m"\nzzz = 1\n[contexts.a]\n'
    told = problems(write(tmp_path, text))
    assert told[0] == 'unstick.toml:2: postgres.urk: unknown key; mend: did you mean "url"?'
    assert told[1] == 'unstick.toml:4: crawler.grace: unknown key; mend: did you mean "thresholds.grace"?'
    assert told[2] == 'unstick.toml:6: thresholds.grace_s: unknown key; mend: did you mean "grace"?'
    assert told[3].startswith("unstick.toml:7: thresholds.zzz: unknown key; mend: known: grace, heartbeat, stall")
    assert told[4] == 'unstick.toml:8: contexts: unknown key; mend: did you mean "context"?'
    assert len(told) == 5


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("[sync]\nevery = true\n", 'sync.every: needs a span of time (got true); mend: write "30s"'),
        ("[sync]\nevery = 30\n", 'sync.every: needs a unit (got 30); mend: write "30s"'),
        ('[sync]\nevery = "30"\n', 'sync.every: is not a span of time (got "30"); mend: write "30s"'),
        ("[screen]\nmouse = 1\n", "screen.mouse: needs true or false (got 1)"),
        ("[screen]\ntheme = []\n", "screen.theme: needs a text in quotes (got an array)"),
        ("[rabbitmq]\nchannels_warning = 1.5\n", "rabbitmq.channels_warning: needs a whole number (got 1.5)"),
        ("[host]\ncpu_warning = nan\n", "host.cpu_warning: needs a finite number (got nan)"),
        ("[host]\ncpu_warning = 1979-05-27\n", "host.cpu_warning: needs a number (got a date or time)"),
        ('[rabbitmq]\nqueues = "a"\n', 'rabbitmq.queues: needs an array (got "a")'),
        ("[rabbitmq]\nqueues = [1]\n", "rabbitmq.queues[1]: needs a text in quotes (got 1)"),
        ("\ncrawler = 5\n", "crawler: needs a table (got 5)"),
        ("\n[dramatiq]\n", "dramatiq: needs an array of tables (got a table); mend: write [[dramatiq]]"),
        ('\ncolor = "pink"\n', 'color: needs one of blue, cyan, green, magenta, orange, red, yellow (got "pink")'),
        ("[sync]\nfields = { a = 1 }\n", "sync.fields.a: needs a text in quotes (got 1)"),
        ("\nhealth = [{}]\n", "health[1]: url is missing; mend: add url"),
    ],
)
def test_4_wrong_type(tmp_path: Path, text: str, line: str) -> None:
    (only,) = problems(write(tmp_path, text))
    assert only.startswith(f"unstick.toml:2: {line}")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('[intervals]\nrabbitmq = "10ms"\n', 'intervals.rabbitmq: 10ms is below 5s; mend: use "5s" or more'),
        ('[postgres]\nlock_timeout = "0s"\n', 'postgres.lock_timeout: 0s is not above 0s; mend: use more than "0s"'),
        ('[thresholds]\ngrace = "367d"\n', 'thresholds.grace: 367d is above 366d; mend: use "366d" or less'),
        ("[host]\ndisk_warning = -1\n", "host.disk_warning: -1 is below 0; mend: use 0 or more"),
        ("[host]\ndisk_critical = 101\n", "host.disk_critical: 101 is above 100; mend: use 100 or less"),
        ("[thresholds]\nqueue_warning = 0\n", "thresholds.queue_warning: 0 is below 1; mend: use 1 or more"),
        ("\ncelery = [{ priority_steps = [0, 999] }]\n", "celery[1].priority_steps[2]: 999 is above 255"),
        ('[screen]\ntheme = "' + "x" * 65 + '"\n', "screen.theme: has 65 characters; at most 64; mend: shorten it"),
        ('[sync]\nprefix = "no slash"\n', 'sync.prefix: is not a path (got "no slash"); mend: begin with "/"'),
        ("[thresholds]\nqueue_warning = 5000\n", "thresholds.queue_warning: thresholds.queue_critical 1000 is below"),
        (
            "[thresholds]\npool_free_critical = 20\n",
            "thresholds.pool_free_critical: thresholds.pool_free_critical 20",
        ),
        ('[sync]\nbalance_key = "b:"\n', "sync.balance_key: needs {id} once; mend: for example balance:{id}"),
    ],
)
def test_5_out_of_range(tmp_path: Path, text: str, line: str) -> None:
    (only,) = problems(write(tmp_path, text))
    assert only.startswith(f"unstick.toml:2: {line}")


@pytest.mark.parametrize(
    ("key", "url", "words"),
    [
        ("postgres", f"postgresql://u:{CANARY}@/db", "no host in postgresql://u:***@/db"),
        (
            "postgres",
            f"mysql://u:{CANARY}@h/db",
            "scheme mysql: cannot be used here; mend: use postgresql or postgres",
        ),
        (
            "postgres",
            f"postgresql://u:{CANARY}@h:54x2/db",
            "the port in postgresql://u:***@h:54x2/db is not a number",
        ),
        ("postgres", f"postgresql://u:{CANARY}@h:99999/db", "the port in postgresql://u:***@h:99999/db is not"),
        ("postgres", f"postgresql://u:a/{CANARY}@h/db", "an unquoted / # ? or @ in postgresql://***"),
        ("postgres", f"postgresql://u:a#{CANARY}@h/db", "an unquoted / # ? or @ in postgresql://***"),
        ("postgres", f"postgresql://u:a?{CANARY}@h/db", "an unquoted / # ? or @ in postgresql://***"),
        ("postgres", f"postgresql://u:a@{CANARY}@h/db", "an unquoted / # ? or @ in postgresql://***"),
        ("postgres", f"postgresql://u:{CANARY}%zz@h/db", "a % that encodes nothing in postgresql://***"),
        ("postgres", f"postgresql://u:{CANARY}", "the port in postgresql://*** is not a number"),
        ("postgres", f"{CANARY}", "is not a URL; mend: for example postgresql://USER@HOST:5432/DATABASE"),
        ("redis", f"redis://:p@ss/{CANARY}#rd@host", "an unquoted / # ? or @ in redis://***"),
        ("redis", f"redis://:{CANARY}@h/abc", "the database in redis://***@h/abc is not a number"),
        ("redis", f"redis://:{CANARY}@[::1/0", "the host of redis://***@[::1/0 is not one"),
        ("redis", f"redis://:{CANARY} x@h/0", "a space or control character in redis://***"),
    ],
)
def test_6_bad_urls_never_show_the_password(tmp_path: Path, key: str, url: str, words: str) -> None:
    (only,) = problems(write(tmp_path, f'[{key}]\nurl = "{url}"\n'))
    assert only.startswith(f"unstick.toml:2: {key}.url: {words}")
    assert CANARY not in only


def test_6_the_same_from_the_environment(tmp_path: Path) -> None:
    (only,) = problems(write(tmp_path, ""), {"DATABASE_URL": f"postgresql://u:{CANARY}@:5432/db"})
    assert only.startswith("environment: DATABASE_URL: no host in postgresql://u:***@:5432/db; mend: for example")


def test_7_a_variable_that_is_not_set(tmp_path: Path) -> None:
    path = write(tmp_path, '[postgres]\nurl = "postgresql://u:${DB_PASSWORD}@h/db"\n[screen]\ntheme = "${}"\n')
    assert problems(path) == [
        "unstick.toml:2: postgres.url: ${DB_PASSWORD} is not set; mend: export it, or use password_file",
        'unstick.toml:4: screen.theme: ${ without a variable\'s name and }; mend: write "${NAME}", or "$${" as it is',
    ]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
@pytest.mark.parametrize(
    "text",
    [
        f'[redis]\nurl = "redis://:{CANARY}@h/0"\n',
        f'[postgres]\nurl = "postgresql://h/db?password={CANARY}"\n',
        f'[context.a.rabbitmq]\nmanagement_url = "http://u:{CANARY}@h:15672"\n',
        f'[locks]\nurls = ["http://u:{CANARY}@h"]\n',
    ],
)
def test_8_a_password_in_a_readable_file(tmp_path: Path, text: str, mode: int) -> None:
    told = problems(write(tmp_path, text, mode))
    path = tmp_path / "unstick.toml"
    first = (
        f"unstick.toml: holds a password and is mode {mode:04o}; mend: chmod 600 unstick.toml, or use password_file"
    )
    assert told == [first]
    path.chmod(0o600)
    load(path, None, {})


def test_8_a_readable_file_without_a_password_is_fine(tmp_path: Path) -> None:
    text = '[redis]\nurl = "redis://:${REDIS_PASSWORD}@h/0"\n'
    loaded = load(write(tmp_path, text, 0o644), None, {"REDIS_PASSWORD": CANARY})
    assert loaded.context.redis.url is not None
    assert loaded.context.redis.url.reveal() == f"redis://:{CANARY}@h/0"
    assert CANARY not in repr(loaded)


def test_9_duplicates(tmp_path: Path) -> None:
    assert problems(write(tmp_path, "[screen]\n\n[screen]\n")) == [
        "unstick.toml:3: screen: already defined at line 1; mend: keep one of the two"
    ]
    assert problems(write(tmp_path, "[screen]\nmouse = true\nmouse = false\n")) == [
        "unstick.toml:3: screen.mouse: already defined at line 2; mend: keep one of the two"
    ]
    assert problems(write(tmp_path, '[[dramatiq]]\n[[dramatiq]]\nname = "b"\n[[dramatiq]]\nname = "b"\n')) == [
        'unstick.toml:5: dramatiq[3].name: already "b" at line 3; mend: give it a name of its own: name = "…"'
    ]
    assert problems(write(tmp_path, '[[health]]\nurl = "http://h:1"\n[[health]]\nurl = "http://h:1"\n')) == [
        'unstick.toml:3: health[2]: already "h:1" at line 1; mend: give it a name of its own: name = "…"'
    ]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("worker_id; drop", 'is not an SQL name: ";" at 10 (got "worker_id; drop")'),
        ('a\\"b', 'is not an SQL name: """ at 2 (got "a"b")'),
        ("a\\u0000b", 'is not an SQL name: "^@" at 2 (got "a^@b")'),
        ("a\\u001b[2J", 'is not an SQL name: "^[" at 2 (got "a^[[2J")'),
        ("a\\u202eb", 'is not an SQL name: "‹U+202E›" at 2 (got "a‹U+202E›b")'),
        ("", 'is not an SQL name (got "")'),
        (" a", 'is not an SQL name: " " at 1 (got " a")'),
        ("a.b", 'is not an SQL name: "." at 2 (got "a.b")'),
        ("я" * 32, "has 64 bytes; PostgreSQL keeps 63 of a name"),
    ],
)
def test_10_names_that_are_none(tmp_path: Path, name: str, words: str) -> None:
    (only,) = problems(write(tmp_path, f'[crawler]\nworker = "{name}"\n'))
    assert only.startswith(f"unstick.toml:2: crawler.worker: {words}")


@pytest.mark.parametrize("name", ["воркер", "worker id", "Worker-Id", "_x$1", "é", "न\u0940"])
def test_10_names_of_any_script_are_fine(tmp_path: Path, name: str) -> None:
    crawler = load(
        write(tmp_path, f'[crawler]\nworker = "{name}"\nproxies = "{name}.{name}"\n'), None, {}
    ).context.crawler
    assert crawler is not None
    assert (crawler.worker, crawler.proxies) == (name, f"{name}.{name}")


def test_10_a_table_has_two_parts_at_most(tmp_path: Path) -> None:
    (only,) = problems(write(tmp_path, '[locks]\ntable = "a.b.c"\n'))
    assert only == 'unstick.toml:2: locks.table: has 3 parts (got "a.b.c"); mend: write "table" or "schema.table"'


def test_11_no_task_tables(tmp_path: Path) -> None:
    assert problems(write(tmp_path, "[crawler]\n\ntasks = []\n")) == [
        "unstick.toml:3: crawler.tasks: is empty: the safety check would be blind; mend: list every table with tasks"
    ]


def test_12_limits_shorter_than_three_signs_of_life(tmp_path: Path) -> None:
    text = '[crawler]\nheartbeat_every = "30s"\n[thresholds]\ngrace = "10s"\n[[dramatiq]]\nheartbeat_timeout = "2s"\n'
    assert problems(write(tmp_path, text)) == [
        "unstick.toml:4: thresholds.grace: 10s < 3 × crawler.heartbeat_every 30s; mend: use 90s or more",
        "unstick.toml:6: dramatiq[1].heartbeat_timeout: 2s < 3 × intervals.dramatiq 1s; mend: use 3s or more",
    ]
    assert load(write(tmp_path, '[thresholds]\ngrace = "10s"\n'), None, {}).context.thresholds.grace_s == 10


def test_12b_presets_of_panes_and_columns_that_there_are_not(tmp_path: Path) -> None:
    text = (
        '[[screen.presets]]\nname = "night"\nrows = ["workers proxis"]\n'
        '[screen.presets.columns]\nworkers = "worker sen"\n'
    )
    assert problems(write(tmp_path, text)) == [
        "unstick.toml:3: screen.presets[1].rows: there is no pane 'proxis'; mend: did you mean 'proxies'?",
        "unstick.toml:5: screen.presets[1].columns.workers: there is no column 'sen'; mend: did you mean 'seen'?",
    ]


def test_13_keys_bound_twice_reserved_or_unknown(tmp_path: Path) -> None:
    text = '[screen.keys]\nfilter = "x"\nsort = "Q"\nfliter = "z"\nhelp = "nokey!"\n'
    told = problems(write(tmp_path, text))
    assert [line.partition(";")[0] for line in told] == [
        "unstick.toml:2: screen.keys.filter: 'x' would be both filter and faults",
        "unstick.toml:3: screen.keys.sort: 'Q': upper-case keys are kept for actions that change the world",
        "unstick.toml:4: screen.keys.fliter: there is no 'fliter'",
        "unstick.toml:5: screen.keys.help: 'nokey!' is no key",
    ]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"\xff\xfe[\0s\0", "unstick.toml:1: not UTF-8 text (byte 0xff at 0); mend: save it as UTF-8"),
        (b"\xef\xbb\xbf[screen]\n", "unstick.toml: begins with a byte order mark (0xef at 0)"),
        (b"# a\n# \xe9\n", "unstick.toml:2: not UTF-8 text (byte 0xe9 at 6)"),
        (b"a = 1\n\0\n", "unstick.toml:2: not text (byte 0x00 at 6)"),
        (b"#" * (1 << 20) + b"\n", "unstick.toml: is over 1 MiB"),
        (b"a" + b".a" * 40 + b" = 1\n", "unstick.toml:1: more than 32 levels"),
        (b"\na = " + b"[" * 100_000, "unstick.toml:2: more than 32 levels"),
    ],
)
def test_14_no_text_that_could_be_read(tmp_path: Path, data: bytes, words: str) -> None:
    (only,) = problems(write(tmp_path, data))
    assert only.startswith(words)


def test_15_a_file_of_a_newer_version_is_not_judged_further(tmp_path: Path) -> None:
    assert problems(write(tmp_path, "config_version = 3\nnew = 1\n")) == [
        "unstick.toml:1: config_version: 3; this unstick knows 1; mend: upgrade unstick"
    ]
    (only,) = problems(write(tmp_path, 'config_version = "1"\n'))
    assert only.startswith('unstick.toml:1: config_version: needs a whole number from 1 (got "1")')


def test_at_most_twenty_problems_and_the_count_of_the_rest(tmp_path: Path) -> None:
    told = problems(write(tmp_path, "[screen]\n" + "".join(f"zz{n} = 1\n" for n in range(25))))
    assert len(told) == 21
    assert told[19].startswith("unstick.toml:21: screen.zz19: unknown key")
    assert told[20] == "unstick.toml: and 5 more problems; mend: mend these first"


def test_hostile_values_are_harmless_in_every_message(tmp_path: Path) -> None:
    nasty = "\\u001b]0;x\\u0007\\u009b2J\\u202e\\u0000"
    path = write(
        tmp_path,
        f'"{nasty}" = 1\ncolor = "{nasty}"\n[screen]\ntheme = "{nasty}"\nmouse = "{nasty}"\n[screen.keys]\n'
        f'"{nasty}" = "{nasty}"\n[context."{nasty}"]\n',
    )
    told = problems(path)
    assert len(told) == 6
    for line in told:
        assert clean(line) == line
        assert "\n" not in line


def test_several_contexts_are_all_judged_and_told_once(tmp_path: Path) -> None:
    text = (
        'default_context = "a"\n[thresholds]\ngrace = "x"\n[context.a]\n[context.b.redis]\nurl = "redis:///0"\n'
        '[context.c.postgres]\nurl = "${ELSEWHERE}"\n[context."\\u001b"]\n'
    )
    told = problems(write(tmp_path, text))
    assert [line.partition(": ")[0] for line in told] == ["unstick.toml:3", "unstick.toml:6", "unstick.toml:9"]
    assert told[1].startswith("unstick.toml:6: context.b.redis.url: no host in redis:///0")


def test_which_context(tmp_path: Path) -> None:
    two = "[context.a]\n[context.b]\n"
    assert problems(write(tmp_path, two)) == [
        'unstick.toml: several contexts (a, b); mend: add default_context = "a", or name one with --context'
    ]
    assert problems(write(tmp_path, two), context="c") == ["unstick.toml: context.c: no such context (known: a, b)"]
    assert problems(write(tmp_path, 'default_context = "z"\n' + two), context="a") == [
        'unstick.toml:1: default_context: no such context (got "z"); mend: known: a, b'
    ]
