"""An iterable that runs in a thread of its own, a few items ahead."""

from collections.abc import Generator
from collections.abc import Iterable
import queue
import threading
from typing import Any


def ahead(items: Iterable[Any], size: int) -> Generator[Any, None, None]:
    """Computes items in another thread while the caller works on earlier ones.

    The thread starts with the first item that is asked for and ends with the
    last, or when this generator is closed.

    Args:
        items: Used by that thread only.
        size: How many items at most are computed, or being computed, and not
            yet asked for.

    Yields:
        The items, in their order.

    Raises:
        BaseException: What `items` raises, after the items before it.
    """
    room = threading.Semaphore(size)
    computed: queue.SimpleQueue = queue.SimpleQueue()
    closed = threading.Event()

    def compute():
        iterator = iter(items)
        try:
            while True:
                room.acquire()
                if closed.is_set():
                    return
                computed.put((next(iterator), None))
        except BaseException as error:  # The caller's thread raises it.
            computed.put((None, error))

    thread = threading.Thread(target=compute, daemon=True)
    thread.start()
    try:
        while True:
            item, error = computed.get()
            if isinstance(error, StopIteration):
                return
            if error is not None:
                raise error
            room.release()
            yield item
    finally:
        closed.set()
        room.release()
        thread.join()
