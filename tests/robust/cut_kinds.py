"""The ways in which a user's capture shows less, or more, than was sent. Each yields (label, packets)."""

import random

SNAPLENS = (64, 96, 128, 256, 576)


def sample(numbers, most):
    """At most so many of them, evenly spread, first and last always."""
    numbers = list(numbers)
    if len(numbers) <= most:
        return numbers
    step = (len(numbers) - 1) / (most - 1) if most > 1 else 0
    return sorted({numbers[round(i * step)] for i in range(most)})


def begun_late(packets, _servers, most):
    for first in sample(range(1, len(packets)), most):
        yield "from packet %d" % (first + 1), packets[first:]


def ended_early(packets, _servers, most):
    for last in sample(range(1, len(packets)), most):
        yield "%d packets" % last, packets[:last]


def middle(packets, _servers, most):
    """Begun late and ended early."""
    draw = random.Random(len(packets))
    for _ in range(most if len(packets) > 3 else 0):
        first, last = sorted(draw.sample(range(len(packets) + 1), 2))
        yield "packets %d to %d" % (first + 1, last), packets[first:last]


def to_server(packets, servers, _most):
    yield "", [p for p in packets if p.destination in servers]


def to_client(packets, servers, _most):
    yield "", [p for p in packets if p.source in servers]


def _port(packets, port):
    """As a filter "udp port N" captures: later IP fragments have no port."""
    return [p for p in packets if port in p.ports]


def port_500(packets, _servers, _most):
    yield "", _port(packets, 500)


def port_4500(packets, _servers, most):
    only = _port(packets, 4500)
    yield "", only
    for first in sample(range(1, len(only)), most // 3):
        yield "from packet %d" % (first + 1), only[first:]
    for last in sample(range(1, len(only)), most // 3):
        yield "%d packets" % last, only[:last]
    yield "to the server", [p for p in only if p.destination in servers_of(only)]
    yield "to the client", [p for p in only if p.source in servers_of(only)]


def servers_of(packets):
    """Whoever owns port 500 or 4500 while the other end does not; else the receiver of the first packet."""
    found = set()
    for p in packets:
        if len(p.ports) == 2:
            ends = [a for a, port in zip(p.addresses(), p.ports) if port in (500, 4500)]
            if len(ends) == 1:
                found.add(ends[0])
    return found or {p.destination for p in packets[:1]}


def one_client(packets, servers, most):
    clients = sorted({a for p in packets for a in p.addresses() if a is not None} - set(servers))
    for client in sample(clients, most):
        yield client.hex(), [p for p in packets if client in p.addresses()]


def no_esp(packets, _servers, most):
    only = [p for p in packets if not p.esp]
    yield "", only
    for last in sample(range(1, len(only)), most // 2):
        yield "%d packets" % last, only[:last]
    for first in sample(range(1, len(only)), most // 2):
        yield "from packet %d" % (first + 1), only[first:]


def esp_one_way(packets, servers, _most):
    yield "only to the server", [p for p in packets if not p.esp or p.destination in servers]
    yield "only to the client", [p for p in packets if not p.esp or p.source in servers]


def esp_only(packets, _servers, _most):
    yield "", [p for p in packets if p.esp]


def snap_length(packets, _servers, _most):
    for snaplen in SNAPLENS:
        yield "%d bytes" % snaplen, [p.cut(snaplen) for p in packets]


def doubled(packets, _servers, _most):
    yield "at once", [q for p in packets for q in (p, p)]
    yield "40 us later", sorted((q for p in packets for q in (p, p.at(p.when + 40))), key=lambda p: p.when)


def one_lost(packets, _servers, most):
    for i in sample(range(len(packets)), most):
        yield "packet %d" % (i + 1), packets[:i] + packets[i + 1:]


def some_lost(packets, _servers, most):
    """One in ten, as an overloaded capturing host loses them."""
    for seed in range(most):
        draw = random.Random(seed)
        yield "seed %d" % seed, [p for p in packets if draw.random() >= 0.1]


def one_lost_no_esp(packets, servers, most):
    yield from one_lost([p for p in packets if not p.esp], servers, most)


def jumbled(packets, _servers, most):
    """Time stamps of two queues of a network card: some milliseconds wrong, order of the file as it came."""
    for seed in range(max(1, most // 4)):
        draw = random.Random(seed)
        moved = [p.at(p.when + draw.randrange(-3000, 3000)) for p in packets]
        yield "stamps, seed %d" % seed, moved
        yield "order, seed %d" % seed, sorted(moved, key=lambda p: p.when)
