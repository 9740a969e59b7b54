"""Lock, Semaphore, Value and Array of multiprocessing, SharedMemory, Process."""

from multiprocessing.shared_memory import SharedMemory

LOCKS = {"lock": fork.Lock, "semaphore": lambda: fork.BoundedSemaphore(1)}


def lock(kind, participants, here, there):
    guard, counter = LOCKS[kind](), fork.RawValue("Q", 0)
    # About 200 ns, if there is somebody else.
    pause = range(6 if participants > 1 else 0)

    def work(count):
        def add():
            for _ in range(count):
                with guard:
                    counter.value += 1
                for _ in pause:
                    pass
            return count
        return account(add)
    crew = Crew([([here, there][n % 2], work) for n in range(participants)])

    def obey(count):
        before = counter.value
        answer = crew.order(*[(int(count),)] * participants)
        assert counter.value - before == int(count) * participants, "it let two in at once"
        return answer
    serve(obey)


def loop(operation):
    """An operation again and again."""
    def work(count):
        for _ in range(int(count)):
            operation()
        return 0
    serve(lambda count: account(lambda: work(count)))


def value(kind, here, there):
    pin(here)
    number, words = fork.Value("Q", 0), fork.Array("Q", 8)

    def update():
        with number.get_lock():
            number.value += 1

    def update_words():
        with words.get_lock():
            words[:] = [word + 1 for word in words.get_obj()]
    loop({
        "get8": lambda: number.value,
        "update8": update,
        "get64": lambda: words[:],
        "update64": update_words,
    }[kind])


def memory(kind, size, here, there):
    pin(here)

    def touch(shared):
        shared.buf[0] = shared.buf[size - 1] = 1
        shared.close()

    def create():
        shared = SharedMemory(create=True, size=size)
        touch(shared)
        shared.unlink()

    if kind == "create":
        loop(create)
    else:
        kept = SharedMemory(create=True, size=size)
        loop(lambda: touch(SharedMemory(kept.name)))
        kept.close()
        kept.unlink()


def nothing():
    pass


def process(kind, here, there):
    pin(here, there)

    def start():
        child = fork.Process(target=nothing)
        child.start()
        child.join()
    loop(start)


what, kind, *numbers = sys.argv[1:]
{"lock": lock, "value": value, "memory": memory, "process": process}[what](kind, *map(int, numbers))
