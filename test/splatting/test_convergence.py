import numpy as np
import pytest

from pad_ros.splatting.convergence import Convergence


def rounds(convergence, errors, views=4):
    """The number of the round, from 1, after which training has converged; 0 for never."""
    for number, error in enumerate(errors, start=1):
        for view in range(views):
            convergence.add(error * (0.5 + view / (views - 1)))  # some views are harder
        if convergence.end_round():
            return number
    return 0


def test_it_ends_when_the_gain_is_too_small():
    falling, flat = 0.01 * 0.9 ** np.arange(20), np.full(20, 0.01 * 0.9**20)
    assert rounds(Convergence(4, gain=0.1), falling) == 0  # 2.3 dB from five rounds to the next five
    assert 24 <= rounds(Convergence(4, gain=0.1), [*falling, *flat]) <= 30
    assert rounds(Convergence(4, gain=0.0), [*falling, *flat]) == 0


def test_what_was_before_a_change_does_not_count():
    convergence = Convergence(4, gain=0.1)
    assert rounds(convergence, [0.01] * 9) == 0
    convergence.forget()
    assert rounds(convergence, [0.01] * 20) == 10


def test_an_incomplete_round_is_left_out():
    convergence = Convergence(4, gain=0.1)
    for _ in range(30):
        convergence.add(0.01)
        assert not convergence.end_round()


def test_psnr_follows_the_error_and_the_state_is_complete():
    convergence = Convergence(4, gain=0.1)
    convergence.add(0.01)
    assert convergence.psnr == pytest.approx(20.0)
    for _ in range(500):
        convergence.add(0.001)
    assert convergence.psnr == pytest.approx(30.0, abs=0.1)
    other = Convergence(4, gain=0.1)
    other.restore(convergence.state())
    assert other.state() == convergence.state() and other.psnr == convergence.psnr


class Late(float):
    """A number that is still on its way; counts how often it is waited for."""

    waits = 0

    def __float__(self):
        Late.waits += 1
        return super().__add__(0.0)


def test_it_waits_for_numbers_only_when_asked():
    late, prompt = Convergence(4, gain=0.1), Convergence(4, gain=0.1)
    for error in (0.04, 0.01, 0.02):
        late.add(Late(error))
        late.forget()
        prompt.add(error)
        prompt.forget()
    assert Late.waits == 0
    assert late.psnr == prompt.psnr and Late.waits == 3
    assert late.psnr == prompt.psnr and Late.waits == 3
