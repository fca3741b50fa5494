"""Token buckets by the clock: bursts, refills, what the client learns, what is removed."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.web.access.rate_limits import RateLimits
from tests.clock import Clock

KEY = 7
EPOCH = 1_700_000_000.0


def limits(clock: Clock, *, requests_per_minute: float = 60, burst: int = 3) -> RateLimits:
    return RateLimits(
        requests_per_minute=requests_per_minute, burst=burst, clock=clock, now=lambda: EPOCH + clock.seconds
    )


def granted(limits: RateLimits, key_id: int = KEY) -> bool:
    return limits.take(key_id).retry_after_seconds == 0


def test_a_rested_key_may_send_a_burst_and_no_more() -> None:
    buckets = limits(Clock(5000.0))
    assert [granted(buckets) for _ in range(5)] == [True, True, True, False, False]


def test_tokens_come_back_one_by_one() -> None:
    clock = Clock(5000.0)
    buckets = limits(clock)
    for _ in range(3):
        buckets.take(KEY)
    for _ in range(4):
        clock.seconds += 1
        assert [granted(buckets), granted(buckets)] == [True, False]


def test_a_long_rest_fills_the_bucket_and_not_more() -> None:
    clock = Clock(5000.0)
    buckets = limits(clock)
    buckets.take(KEY)
    clock.seconds += 3600
    assert [granted(buckets) for _ in range(4)] == [True, True, True, False]


def test_each_key_has_a_bucket_of_its_own() -> None:
    buckets = limits(Clock(5000.0), burst=1)
    assert [granted(buckets, key_id) for key_id in (1, 2, 1, 2)] == [True, True, False, False]


def test_the_client_learns_what_is_left_and_when_all_is_back() -> None:
    clock = Clock(5000.0)
    buckets = limits(clock)
    quotas = [buckets.take(KEY) for _ in range(4)]
    assert [(quota.limit, quota.remaining) for quota in quotas] == [(3, 2), (3, 1), (3, 0), (3, 0)]
    assert [quota.reset_at - EPOCH - clock.seconds for quota in quotas] == [1, 2, 3, 3]
    assert quotas[3].retry_after_seconds == 1
    assert quotas[3].headers() == {
        "X-RateLimit-Limit": "3",
        "X-RateLimit-Remaining": "0",
        "X-RateLimit-Reset": str(int(EPOCH) + 5003),
    }


def test_a_client_that_retries_after_retry_after_is_served() -> None:
    clock = Clock(5000.0)
    buckets = limits(clock, requests_per_minute=7, burst=2)
    for _ in range(20):
        quota = buckets.take(KEY)
        clock.seconds += quota.retry_after_seconds
        assert quota.retry_after_seconds == 0 or granted(buckets)


@given(
    rate=st.floats(1, 100_000),
    burst=st.integers(1, 50),
    pauses=st.lists(st.floats(0, 30), min_size=1, max_size=200),
)
def test_no_key_exceeds_the_burst_and_the_rate(rate: float, burst: int, pauses: list[float]) -> None:
    clock = Clock(5000.0)
    buckets = limits(clock, requests_per_minute=rate, burst=burst)
    start, count = clock.seconds, 0
    for pause in pauses:
        clock.seconds += pause
        quota = buckets.take(KEY)
        count += quota.retry_after_seconds == 0
        assert count <= burst + (clock.seconds - start) * rate / 60 + 0.01
        assert 0 <= quota.remaining <= quota.limit == burst


def test_full_buckets_are_forgotten_and_others_are_not() -> None:
    clock = Clock(5000.0)
    buckets = limits(clock, burst=1)
    for key_id in range(9_999):
        buckets.take(key_id)
    clock.seconds += 0.5
    buckets.take(20_001)
    clock.seconds += 0.7
    buckets.take(20_002)
    assert set(buckets._full_at) == {20_001, 20_002}
    assert not granted(buckets, 20_001)
