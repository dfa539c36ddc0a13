"""The plain bytes of the chunks that the generators store, as the tests make them too."""


def noise(count):
    """Bytes without pattern."""
    state, found = 12345, bytearray()
    for _ in range(count):
        state = (state * 1103515245 + 12345) % 2**31
        found.append(state >> 16 & 255)
    return bytes(found)


def plain(kind, size, count):
    """The bytes of a chunk."""
    length = size * count
    if kind == "noise":
        return noise(length)
    if kind == "ramp":  # neighbours are close, and many are equal
        return b"".join((i // 6 * 5).to_bytes(8, "little")[:size].ljust(size, b"\1")
                        for i in range(count))
    if kind == "echo":  # repeats from far away and of many lengths
        once = noise(9001)
        return b"".join((once[i % 300:i * 7 % 300 + 301], once)[i % 11 == 10]
                        for i in range(length // 100 + 2))[:length]
    if kind == "runs":  # repeats from near
        return b"".join(noise(i % 5 + 1) * (i % 40 + 1) for i in range(length // 10 + 2))[:length]
    if kind == "zero":
        return bytes(length)
    if kind == "same":
        return noise(size) * count
    assert kind == "nan"
    return {4: b"\0\0\xc0\x7f", 8: b"\0\0\0\0\0\0\xf8\x7f"}[size] * count
