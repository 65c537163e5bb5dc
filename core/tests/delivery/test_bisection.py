"""Answers that name some of the statements: these are settled, the others are sent again, none is left out."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from learnrelay.delivery.batch_size import BatchSize
from learnrelay.delivery.bisection import Deliveries, SendResult, deliver
from learnrelay.outbox.queue import Acknowledged, ClaimedDelivery, DeadLettered, Released, RetryLater
from learnrelay.standards import Verdict


@given(data=st.data())
def test_every_statement_is_settled_once_by_what_was_said_of_it(data: st.DataObject) -> None:
    rows = tuple(
        ClaimedDelivery(10 * number, b"{}", 0) for number in range(data.draw(st.integers(1, 40), "statements"))
    )
    named: set[int] = set()
    sent: Counter[int] = Counter()

    def send(batch: Deliveries) -> SendResult:
        verdict = data.draw(st.sampled_from([Verdict.STORED] * 6 + [Verdict.RETRY, Verdict.HALTED, Verdict.REFUSED]))
        keys = [row.key for row in batch]
        sent.update(keys)
        if verdict is not Verdict.STORED:
            return SendResult(verdict, "no", 500)
        unnamed = frozenset(key for key in keys if data.draw(st.booleans()))
        named.update(set(keys) - unnamed)
        return SendResult(verdict, "HTTP 200", 200, unnamed=unnamed)

    def retry_alone(row: ClaimedDelivery, result: SendResult) -> RetryLater:
        return RetryLater(row, 1.0, result.reason)

    size = BatchSize(data.draw(st.integers(1, 12), "size"))
    result = deliver(rows, size, send, retry_alone, lambda: False, proven=data.draw(st.booleans()))
    settled: Counter[int] = Counter()
    acknowledged: set[int] = set()
    for settlement in result.settlements:
        match settlement:
            case Acknowledged(run) | Released(run):
                assert [row.key for row in run] == list(range(run[0].key, run[-1].key + 1, 10)), "a gap is another's"
                settled.update(row.key for row in run)
                acknowledged |= {row.key for row in run} if isinstance(settlement, Acknowledged) else set()
            case RetryLater() | DeadLettered():
                settled[settlement.row.key] += 1
    assert settled == Counter({row.key: 1 for row in rows})
    assert acknowledged == named
