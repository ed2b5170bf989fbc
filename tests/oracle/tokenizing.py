"""Ids, places and decoding against Hugging Face's `tokenizers` and against tiktoken."""
import random
import struct
import subprocess

import numpy

import corpus
import families

TOPIC = "tokenizers"
TEXT_BYTES = 5_200_000
STRINGS = 1_050_000
REFUSED = 0xFFFFFFFF


def ours(oracle, mode, tokenizer_path, frames):
    """Our program's answer to `frames`, which is bytes."""
    run = subprocess.run([oracle.program("oracle_tokenize"), mode, tokenizer_path], input=frames, capture_output=True)
    if run.returncode != 0:
        raise RuntimeError(f"{tokenizer_path}: {run.stderr.decode()}")
    return run.stdout


def text_frames(texts):
    return b"".join(struct.pack("<I", len(raw)) + raw for raw in (text.encode() for text in texts))


def read_encodings(raw):
    """(ids, ranges, decoded, streamed alike) of each text; ids None when it was refused."""
    offset = 0
    while offset < len(raw):
        (count,) = struct.unpack_from("<I", raw, offset)
        offset += 4
        if count == REFUSED:
            yield None, None, None, None
            continue
        ids = numpy.frombuffer(raw, "<i4", count, offset)
        ranges = numpy.frombuffer(raw, "<u4", 2 * count, offset + 4 * count).reshape(count, 2)
        offset += 12 * count
        (size,) = struct.unpack_from("<I", raw, offset)
        decoded = raw[offset + 4:offset + 4 + size].decode()
        offset += 4 + size + 1
        yield ids, ranges, decoded, raw[offset - 1] == 1


def read_texts(raw):
    offset = 0
    while offset < len(raw):
        (size,) = struct.unpack_from("<I", raw, offset)
        yield raw[offset + 4:offset + 4 + size].decode()
        offset += 4 + size


def in_characters(text, ranges):
    """Byte ranges as ranges of characters, which Hugging Face gives."""
    raw = text.encode()
    if len(raw) == len(text):
        return ranges.astype("i8")
    begins = (numpy.frombuffer(raw, "u1") & 0xC0) != 0x80
    before = numpy.concatenate(([0], numpy.cumsum(begins)))
    return before[ranges]


def compare(oracle, name, theirs, path, texts, mode="encode"):
    rules = theirs.normalizer.__getstate__().decode() if theirs.normalizer is not None else ""
    joins = theirs.normalizer if any(name in rules for name in ("NF", "Regex", "Precompiled")) else None  # may make one character of several
    # Behind characters that a map removes, their places are too small: the map's first characters have nothing to remove from.
    removed = {chr(number) for number in range(1, 0x3000) if theirs.normalizer.normalize_str(chr(number)) == ""} if "Precompiled" in rules else set()
    expected = theirs.encode_batch(texts, add_special_tokens=mode == "special")
    decoded = theirs.decode_batch([encoding.ids for encoding in expected], skip_special_tokens=False)
    answers = read_encodings(ours(oracle, mode, path, text_frames(texts)))
    for text, encoding, their_text, (ids, ranges, our_text, streamed) in zip(texts, expected, decoded, answers, strict=True):
        where = f"{name} {text[:80]!r}"
        if ids is None:
            oracle.check(False, f"{where}: refused")
            continue
        if not oracle.check(encoding.ids == ids.tolist(), lambda: difference(theirs, where, encoding.ids, ids.tolist())):
            continue
        places = numpy.array(encoding.offsets, "i8").reshape(len(ids), 2)
        our_places = in_characters(text, ranges)
        if not removed.isdisjoint(text):
            good = len(our_places) == len(places)
        elif joins is None or joins.normalize_str(text) == text:
            good = bool((places == our_places).all())
        else:  # where normalisation joins characters ours cover all that were joined, theirs the first
            good = bool((our_places[:, 0] <= places[:, 0]).all() and (our_places[:, 1] >= places[:, 1]).all())
        oracle.check(good, lambda: f"{where}: places {our_places.tolist()!s:.300} not {places.tolist()!s:.300}")
        oracle.check(our_text == their_text, lambda: f"{where}: decoded {our_text!r:.200} not {their_text!r:.200}")
        oracle.check(streamed, lambda: f"{where}: streamed decoding differs")


def difference(theirs, where, expected, got):
    at = next((i for i, (a, b) in enumerate(zip(expected, got)) if a != b), min(len(expected), len(got)))
    spell = [[theirs.id_to_token(number) for number in ids[max(0, at - 2):at + 6]] for ids in (got, expected)]
    return f"{where}: token {at} of {len(expected)}: {spell[0]} not {spell[1]}"


def compare_decoding(oracle, name, theirs, path, rng, count):
    """Random ids, which cut characters."""
    size = theirs.get_vocab_size()
    lists = [[rng.randrange(size) for _ in range(rng.randint(1, 12))] for _ in range(count)]
    frames = b"".join(struct.pack(f"<I{len(ids)}i", len(ids), *ids) for ids in lists)
    answers = list(read_texts(ours(oracle, "decode", path, frames)))
    for ids, theirs_text, our_text in zip(lists, theirs.decode_batch(lists, skip_special_tokens=False), answers[::2], strict=True):
        oracle.check(our_text == theirs_text, lambda: f"{name} decode {ids}: {our_text!r:.200} not {theirs_text!r:.200}")


def run(oracle):
    rng = random.Random(4)
    share = 10 if oracle.quick else 1
    documents = corpus.documents(1, TEXT_BYTES // share) + corpus.every_character(share)
    size = sum(len(text.encode()) for text in documents)
    training = [text[i:i + 400] for text in corpus.documents(2, 1_500_000) for i in range(0, len(text), 400)]
    tokenizers = list(families.families(training))
    strings = STRINGS // share // len(tokenizers)
    oracle.say(f"{size:,} bytes of mixed text, {strings:,} random strings and {strings // 10:,} lists of ids for each of {len(tokenizers)} tokenizers")
    for name, tokenizer in tokenizers:
        path = oracle.cache / f"{name}.json"
        tokenizer.save(str(path))
        before = oracle.failed
        compare(oracle, name, tokenizer, path, documents)
        compare(oracle, name, tokenizer, path, [corpus.random_text(rng) for _ in range(strings)])
        compare(oracle, name, tokenizer, path, [corpus.random_text(rng) for _ in range(200)], "special")
        compare_decoding(oracle, name, tokenizer, path, rng, strings // 10)
        oracle.say(f"{name}: {tokenizer.get_vocab_size():,} tokens, {oracle.failed - before} failed")
