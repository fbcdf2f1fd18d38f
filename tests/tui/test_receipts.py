"""What the terminal answers to each frame: how far it has got, and never a key."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from unstick.tui.receipts import Receipts

QUESTION, ANSWER = b"\x1b[5n", b"\x1b[0n"


class Clock:
    at = 0.0

    def __call__(self) -> float:
        return self.at


def asked(count: int, clock: Clock, *, near: bool = True) -> Receipts:
    """Of a terminal that answered once, at once or late, and owes ``count`` answers."""
    receipts = Receipts(clock)
    receipts.question()
    clock.at += 0.01 if near else 1.0
    receipts.sift(ANSWER)
    for _ in range(count):
        assert receipts.question() == QUESTION
    return receipts


def test_a_terminal_that_never_answers_is_never_waited_for_and_in_the_end_not_asked() -> None:
    receipts = Receipts(Clock())
    questions = [receipts.question() for _ in range(120) if receipts.room]
    assert questions == [QUESTION] * 100 + [b""] * 20
    assert not receipts.owed


def test_a_far_terminal_has_one_frame_under_way_and_a_near_one_a_few() -> None:
    clock = Clock()
    far, near = asked(1, clock, near=False), asked(3, clock)
    assert not far.room
    assert near.room
    near.question()
    assert not near.room
    for receipts in (far, near):
        assert receipts.sift(ANSWER) == b""
        assert receipts.room


def test_a_terminal_that_fell_silent_gets_a_frame_now_and_then_and_is_given_up() -> None:
    clock = Clock()
    receipts = asked(1, clock, near=False)
    sent = 0
    while sent < 6:
        assert not receipts.room
        clock.at += 10.1
        assert receipts.room
        receipts.question()
        sent += 1
    assert receipts.room
    assert not receipts.owed
    receipts.sift(ANSWER)
    assert not receipts.room


def test_after_it_was_given_back_nothing_is_expected() -> None:
    receipts = asked(4, Clock(), near=False)
    receipts.forget()
    assert not receipts.owed
    assert receipts.room
    assert receipts.rest() == b""


def test_an_escape_key_is_kept_back_only_while_it_may_be_an_answer() -> None:
    receipts = asked(1, Clock())
    assert receipts.sift(b"\x1b") == b""
    assert receipts.rest() == b"\x1b"
    assert receipts.rest() == b""
    receipts.sift(b"\x1b")
    assert receipts.sift(b"[A") == b"\x1b[A"
    receipts.sift(ANSWER)
    assert receipts.sift(b"\x1b") == b"\x1b"


PIECES = st.lists(
    st.sampled_from([b"j", b"\x1b", b"\x1b[A", b"\x1b[20;3R", b"0n", "я".encode(), b"\x1b[200~a\x1b[201~", ANSWER])
)


@given(PIECES, st.data())
def test_however_it_is_cut_what_was_typed_arrives_in_order_and_no_answer_does(
    pieces: list[bytes], data: st.DataObject
) -> None:
    sent = b"".join(pieces)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(sent)), max_size=6)))
    receipts = asked(sent.count(ANSWER) + 1, Clock())
    came = b""
    for begin, end in zip([0, *cuts], [*cuts, len(sent)], strict=True):
        came += receipts.sift(sent[begin:end])
    came += receipts.rest()
    assert came == sent.replace(ANSWER, b"")
