"""A call that takes too much is ended, alone, and says so; the next one is served."""

import os
import threading
import time

import pytest

from ml.images import ImageError
from ml.reencoding import stored
from ml.sandbox import Busy, Sandbox
from tests.factories import picture
from tests.ml.greedy import compute, crash, fill_memory, refuse, reverse, wait


def code_of(call) -> str:
    with pytest.raises(ImageError) as caught:
        call()
    return caught.value.code


@pytest.fixture
def box():
    return Sandbox(at_once=2, waiting=1)


def test_the_answer_comes_back_however_large(box):
    data = os.urandom(5_000_000)
    assert box.call(reverse, lambda: data) == data[::-1]


def test_a_picture_comes_back_as_it_is_stored(box):
    assert box.call(stored, lambda: picture(file_format="PNG")).startswith(b"\xff\xd8")


@pytest.mark.parametrize("greedy", [compute, fill_memory, crash])
def test_who_breaks_a_limit_is_ended_and_the_next_one_is_served(box, greedy):
    assert code_of(lambda: box.call(greedy, lambda: b"x" * 1_000_000)) == "too_costly"
    assert box.call(reverse, lambda: b"ab") == b"ba"


def test_a_refusal_arrives_as_it_was_raised(box):
    with pytest.raises(ImageError) as caught:
        box.call(refuse, lambda: b"")
    assert (caught.value.code, caught.value.params) == ("too_small", {"width": 7})
    assert str(caught.value) == "Only 7 pixels."


def test_who_comes_when_all_places_are_taken_is_told_at_once(box):
    first = [threading.Thread(target=box.call, args=(wait, lambda: b"5")) for _ in range(3)]
    for thread in first:
        thread.start()
    time.sleep(1)
    with pytest.raises(Busy):
        box.call(wait, lambda: b"0")
    for thread in first:
        thread.join()
    assert box.call(wait, lambda: b"0") == b"done"
