"""multiprocessing.Pool and concurrent.futures.ProcessPoolExecutor."""

from concurrent.futures import ProcessPoolExecutor


def task(item):
    nanos = (item >> 32) * 1000
    if nanos:
        end = now() + nanos
        while now() < end:
            pass
    return item & 0xFFFFFFFF


class Pool:
    def __init__(self, workers):
        self.pool = fork.Pool(workers)

    def map(self, items, one_by_one):
        return self.pool.map(task, items, 1 if one_by_one else None)

    def one(self, item):
        return self.pool.apply_async(task, (item,)).get()

    def end(self):
        self.pool.terminate()
        self.pool.join()


class Executor:
    def __init__(self, workers):
        self.workers = workers
        self.pool = ProcessPoolExecutor(workers, mp_context=fork)

    def map(self, items, one_by_one):
        # Its default is 1; for many items its documentation advises larger ones.
        chunk = 1 if one_by_one else max(1, len(items) // (4 * self.workers))
        return list(self.pool.map(task, items, chunksize=chunk))

    def one(self, item):
        return self.pool.submit(task, item).result()

    def end(self):
        self.pool.shutdown()


def run(kind, what, workers, micros, here, there):
    pin(here, there)
    make = {"pool": Pool, "executor": Executor}[kind]

    def start(count):
        """Until the first result; the end of a pool is not counted."""
        took = 0
        for n in range(count):
            since = now()
            pool = make(workers)
            assert pool.one(n) == n
            took += now() - since
            pool.end()
        return f"0 {took} 0 0"

    def one(count):
        for n in range(count):
            assert pool.one(n) == n

    def many(count):
        items = [micros << 32 | n for n in range(count)]
        assert pool.map(items, what == "one_by_one") == list(range(count))

    work = one if what == "one" else many
    pool = None if what == "start" else make(workers)

    def obey(count):
        def counted():
            work(int(count))
            return 0
        return start(int(count)) if what == "start" else account(counted)
    serve(obey)
    if pool:
        pool.end()


kind, what, *numbers = sys.argv[1:]
run(kind, what, *map(int, numbers))
