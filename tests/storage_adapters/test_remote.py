"""The counts of requests to a storage backend: taking them resets them, and their memory is bounded otherwise."""

from storage_adapters.remote import LATEST, Traffic


def test_taking_the_counts_resets_them() -> None:
    traffic = Traffic()
    traffic.count_response(0.25)
    traffic.failed += 2
    traffic.received += 3
    taken = traffic.take()
    assert (taken.responses, taken.failed, taken.received, list(taken.first_byte_seconds)) == (1, 2, 3, [0.25])
    assert traffic == Traffic()


def test_counts_that_nobody_takes_keep_every_sum_and_only_the_latest_times() -> None:
    traffic = Traffic()
    for number in range(LATEST + 5):
        traffic.count_response(number)
    taken = traffic.take()
    assert taken.responses == LATEST + 5
    assert list(taken.first_byte_seconds) == list(range(5, LATEST + 5))
