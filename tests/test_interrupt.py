"""Signals are noted, not obeyed at once."""

import signal

import pytest

from training.interrupt import SIGNALS, interruption


def test_nothing_is_requested_by_itself():
    with interruption() as state:
        assert not state.requested


@pytest.mark.parametrize("number", SIGNALS)
def test_the_first_signal_is_noted(number):
    with interruption() as state:
        signal.raise_signal(number)
        assert state.requested


@pytest.mark.parametrize("number", SIGNALS)
def test_the_second_signal_interrupts_at_once(number):
    with pytest.raises(KeyboardInterrupt), interruption():
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(number)
        pytest.fail("went on after the second signal")


@pytest.mark.parametrize("failing", [False, True])
def test_earlier_handlers_come_back(failing):
    earlier = [signal.getsignal(number) for number in SIGNALS]
    try:
        with interruption():
            assert all(signal.getsignal(n) is not handler for n, handler in zip(SIGNALS, earlier))
            if failing:
                raise RuntimeError
    except RuntimeError:
        pass
    assert [signal.getsignal(number) for number in SIGNALS] == earlier
