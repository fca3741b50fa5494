"""What a storage backend counts of its requests, until it is taken or never is."""

from storage_adapters.remote import LATEST, Traffic


def test_what_is_taken_starts_again_from_zero() -> None:
    traffic = Traffic()
    traffic.answer(0.25)
    traffic.failed += 2
    traffic.received += 3
    taken = traffic.take()
    assert (taken.answered, taken.failed, taken.received, list(taken.first_byte_seconds)) == (1, 2, 3, [0.25])
    assert traffic == Traffic()


def test_amounts_that_are_never_taken_keep_all_sums_and_the_latest_times() -> None:
    traffic = Traffic()
    for number in range(LATEST + 5):
        traffic.answer(number)
    taken = traffic.take()
    assert taken.answered == LATEST + 5
    assert list(taken.first_byte_seconds) == list(range(5, LATEST + 5))
