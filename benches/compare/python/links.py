"""Pipe, SimpleQueue, Queue and Event of multiprocessing."""


class PipeLink:
    def __init__(self, capacity):
        self.reader, self.writer = fork.Pipe(duplex=False)

    def send(self, data):
        self.writer.send_bytes(data)

    def recv(self):
        return self.reader.recv_bytes()


class SimpleQueueLink:
    def __init__(self, capacity):
        self.queue = fork.SimpleQueue()

    def send(self, data):
        self.queue.put(bytes(data))

    def recv(self):
        return self.queue.get()


class QueueLink(SimpleQueueLink):
    def __init__(self, capacity):
        self.queue = fork.Queue(capacity)


class EventLink:
    """A sign without contents; the waiter counts."""

    def __init__(self, capacity):
        self.event = fork.Event()
        self.count = 0

    def send(self, data):
        self.event.set()

    def recv(self):
        self.event.wait()
        self.event.clear()
        self.count += 1
        return struct.pack("<Q", self.count)


LINKS = {"pipe": PipeLink, "simple": SimpleQueueLink, "queue": QueueLink, "event": EventLink}


def sender(link, size, number):
    message, first = Message(size), number << SENDER_SHIFT

    def work(whole, count):
        def send():
            total = 0
            for n in range(first + 1, first + 1 + count):
                link.send(message.write(n, whole))
                total += n
            return total
        return account(send)
    return work


def receiver(link, size):
    message = Message(size)

    def work(whole, count):
        def recv():
            total, last = 0, {}
            for _ in range(count):
                n = message.read(link.recv(), whole)
                sent_by = n >> SENDER_SHIFT
                assert n > last.get(sent_by, 0), "out of order"
                last[sent_by] = n
                total += n
            return total
        return account(recv)
    return work


def stream(kind, size, capacity, senders, receivers, here, there):
    link = LINKS[kind](capacity)
    works = [(here, sender(link, size, number)) for number in range(senders)]
    crew = Crew(works + [(there, receiver(link, size))] * receivers)

    def obey(verb, sent, received):
        whole = verb == "whole"
        return crew.order(*[(whole, int(sent))] * senders, *[(whole, int(received))] * receivers)
    serve(obey)


def trips(kind, size, capacity, here, there):
    out, back = LINKS[kind](capacity), LINKS[kind](capacity)
    message = Message(size)

    def ping(whole, count, pause):
        times = {}
        first = getattr(back, "count", 0)

        def work():
            total = 0
            for n in range(first + 1, first + count + 1):
                if pause:
                    time.sleep(pause / 1e6)
                start = now()
                out.send(message.write(n, whole))
                assert message.read(back.recv(), whole) == n, "another message came back"
                took = now() - start
                times[took] = times.get(took, 0) + 1
                total += n
            return total
        line = account(work)
        return line + "#" + " ".join(f"{took}:{count}" for took, count in sorted(times.items()))

    def pong(whole, count, pause):
        def work():
            total = 0
            for _ in range(count):
                n = message.read(out.recv(), whole)
                back.send(message.write(n, whole))
                total += n
            return total
        return account(work)

    crew = Crew([(there, pong), (here, ping)])
    serve(lambda verb, count, pause: crew.order(*[(verb == "whole", int(count), int(pause))] * 2))


kind, what, *numbers = sys.argv[1:]
{"stream": stream, "trips": trips}[what](kind, *map(int, numbers))
