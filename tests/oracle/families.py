"""Tokenizers of every family's kind, trained on our own text with Hugging Face's `tokenizers`."""
import io
import json

import sentencepiece
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

CONTRACTIONS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
LLAMA3 = (CONTRACTIONS + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
QWEN2 = LLAMA3.replace(r"\p{N}{1,3}", r"\p{N}")
UPPER, LOWER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
O200K = "|".join([r"[^\r\n\p{L}\p{N}]?" + UPPER + "*" + LOWER + "+" + CONTRACTIONS + "?",
                  r"[^\r\n\p{L}\p{N}]?" + UPPER + "+" + LOWER + "*" + CONTRACTIONS + "?",
                  r"\p{N}{1,3}", r" ?[^\s\p{L}\p{N}]+[\r\n/]*", r"\s*[\r\n]+", r"\s+(?!\S)", r"\s+"])
TEKKEN = "|".join([r"[^\r\n\p{L}\p{N}]?" + UPPER + "*" + LOWER + "+", r"[^\r\n\p{L}\p{N}]?" + UPPER + "+" + LOWER + "*",
                   r"\p{N}", r" ?[^\s\p{L}\p{N}]+[\r\n/]*", r"\s*[\r\n]+", r"\s+(?!\S)", r"\s+"])
DEEPSEEK = (r"""[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*"""
            r"|\s*[\r\n]+|\s+(?!\S)|\s+")
SPACE = "\u2581"


def byte_level(texts, vocab_size, pre_tokenizer, normalizer=None, **model):
    tokenizer = Tokenizer(models.BPE(**model))
    tokenizer.pre_tokenizer = pre_tokenizer
    tokenizer.decoder = decoders.ByteLevel()
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    tokenizer.train_from_iterator(texts, trainers.BpeTrainer(
        vocab_size=vocab_size, show_progress=False, special_tokens=["<|endoftext|>"], max_token_length=32,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    return tokenizer


def split(pattern, *before, behavior="isolated", invert=False):
    return pre_tokenizers.Sequence([*before, pre_tokenizers.Split(Regex(pattern), behavior, invert),
                                    pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])


def sentencepiece_bpe(texts, vocab_size, spaces=True):
    """The `model` of a SentencePiece-style BPE with byte fallback: <unk> <s> </s>, the bytes, characters, merges."""
    trained = Tokenizer(models.BPE(unk_token="<unk>"))
    trained.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    texts = [text.replace("<0x", "<x") for text in texts]  # no merge may make what names a byte
    trained.train_from_iterator(texts, trainers.BpeTrainer(vocab_size=vocab_size, show_progress=False, max_token_length=24,
                                                           special_tokens=["<unk>", "<s>", "</s>"], limit_alphabet=1200))
    model = json.loads(trained.to_str())["model"]
    tokens = [token for token, _ in sorted(model["vocab"].items(), key=lambda item: item[1])]
    runs, merges = [], [list(pair) for pair in model["merges"]]
    if spaces:  # runs of spaces are tokens in these families
        runs = [SPACE * count for count in (2, 4, 8, 16) if SPACE * count not in tokens]
        merges = [[SPACE * (len(run) // 2)] * 2 for run in runs] + merges
    ordered = tokens[:3] + [f"<0x{byte:02X}>" for byte in range(256)] + runs + tokens[3:]
    model.update(vocab={token: number for number, token in enumerate(ordered)}, merges=merges, byte_fallback=True, fuse_unk=True)
    return model


def with_model(model, normalizer, pre_tokenizer, decoder, bos=True):
    tokenizer = Tokenizer(models.BPE())
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    if pre_tokenizer is not None:
        tokenizer.pre_tokenizer = pre_tokenizer
    tokenizer.decoder = decoder
    content = json.loads(tokenizer.to_str())
    content["model"] = model
    tokenizer = Tokenizer.from_str(json.dumps(content))
    tokenizer.add_special_tokens(["<unk>", "<s>", "</s>"])
    if bos:
        tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", tokenizer.token_to_id("<s>"))])
    return tokenizer


def llama_decoder(strip=True):
    steps = [decoders.Replace(SPACE, " "), decoders.ByteFallback(), decoders.Fuse()]
    return decoders.Sequence([*steps, decoders.Strip(" ", 1, 0)] if strip else steps)


def byte_level_families(texts):
    gpt2_split = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    gpt2 = byte_level(texts, 6000, gpt2_split)
    gpt2.add_tokens([AddedToken("<tool>", normalized=True), AddedToken("<tool_call>", normalized=False)])
    yield "gpt2", gpt2
    roberta = byte_level(texts, 3000, pre_tokenizers.ByteLevel(add_prefix_space=True, use_regex=True))
    roberta.add_special_tokens([AddedToken("<mask>", lstrip=True, rstrip=False, special=True)])
    yield "roberta", roberta
    llama = byte_level(texts, 6000, split(LLAMA3), ignore_merges=True)
    llama.add_special_tokens([AddedToken("<|begin_of_text|>"), AddedToken("<|eot_id|>")])
    llama.post_processor = processors.Sequence([
        processors.ByteLevel(trim_offsets=False),
        processors.TemplateProcessing(single="<|begin_of_text|> $A <|endoftext|>",
                                      special_tokens=[(name, llama.token_to_id(name)) for name in ("<|begin_of_text|>", "<|endoftext|>")])])
    yield "llama3", llama
    qwen = byte_level(texts, 6000, split(QWEN2), normalizers.NFC())
    qwen.add_tokens([AddedToken("<think>", normalized=False), AddedToken("<tool_call>", normalized=False),
                     AddedToken("the", single_word=True, normalized=True), AddedToken("<pad> ", rstrip=True, lstrip=True)])
    yield "qwen2", qwen
    yield "o200k", byte_level(texts, 6000, split(O200K, behavior="removed", invert=True))
    yield "tekken", byte_level(texts, 6000, split(TEKKEN), ignore_merges=True)
    chinese = pre_tokenizers.Split(Regex("[\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+"), "isolated")
    yield "deepseek", byte_level(texts, 5000, split(DEEPSEEK, pre_tokenizers.Split(Regex(r"\p{N}{1,3}"), "isolated"), chinese))
    falcon = pre_tokenizers.Sequence([pre_tokenizers.Punctuation("contiguous"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True),
                                      pre_tokenizers.Digits(individual_digits=False), pre_tokenizers.Split(Regex("[0-9][0-9][0-9]"), "isolated")])
    yield "falcon", byte_level(texts, 4000, falcon)
    yield "starcoder", byte_level(texts, 3000, pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), gpt2_split]))


def sentencepiece_families(texts, vocab_size=5000):
    model = sentencepiece_bpe(texts, vocab_size)
    llama2 = with_model(model, normalizers.Sequence([normalizers.Prepend(SPACE), normalizers.Replace(" ", SPACE)]), None, llama_decoder())
    llama2.add_tokens([AddedToken("<tool>", normalized=True), AddedToken("[INST]", normalized=False)])
    yield "llama2", llama2
    yield "mistral", with_model(model, None, pre_tokenizers.Metaspace(prepend_scheme="first", split=False), llama_decoder())
    gemma = with_model(sentencepiece_bpe(texts, vocab_size + 2000), normalizers.Replace(" ", SPACE), pre_tokenizers.Split(" ", "merged_with_previous"),
                       llama_decoder(strip=False))
    gemma.add_special_tokens(["<bos>", "<start_of_turn>", "<end_of_turn>"])
    yield "gemma", gemma
    plain = dict(model, byte_fallback=False, fuse_unk=False)
    yield "bpe_unknown", with_model(plain, normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase(), normalizers.Strip()]),
                                    pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace(prepend_scheme="always")]),
                                    decoders.Metaspace())
    yield "bpe_fused", with_model(dict(plain, fuse_unk=True), normalizers.Replace(Regex(" {2,}"), " "),
                                  pre_tokenizers.Sequence([pre_tokenizers.Punctuation("contiguous"), pre_tokenizers.Digits(),
                                                           pre_tokenizers.Metaspace(prepend_scheme="never")]), decoders.Metaspace(prepend_scheme="never"))
    yield "whitespace", with_model(dict(plain, fuse_unk=True), normalizers.NFD(), pre_tokenizers.Whitespace(), decoders.Fuse(), bos=False)


def unigram_families(texts, vocab_size=3000):
    for name, scheme in (("unigram", "always"), ("unigram_bytes", "first")):
        trained = Tokenizer(models.Unigram())
        trained.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Replace(Regex(" {2,}"), " ")])
        trained.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme=scheme)
        trained.decoder = decoders.Metaspace(prepend_scheme=scheme)
        trained.train_from_iterator(texts[:len(texts) // 4], trainers.UnigramTrainer(
            vocab_size=vocab_size, show_progress=False, special_tokens=["<unk>", "<s>", "</s>"], unk_token="<unk>"))
        if name == "unigram_bytes":
            content = json.loads(trained.to_str())
            have = {token for token, _ in content["model"]["vocab"]}
            assert not any(f"<0x{byte:02X}>" in have for byte in range(256))
            content["model"]["vocab"] += [[f"<0x{byte:02X}>", -50.0] for byte in range(256)]
            content["model"]["byte_fallback"] = True
            content["decoder"] = json.loads(with_model(json.loads(trained.to_str())["model"], None, None, llama_decoder(), bos=False).to_str())["decoder"]
            trained = Tokenizer.from_str(json.dumps(content))
        yield name, trained


def fields(raw):
    """The fields of a protocol buffer: (number, bytes or int)."""
    at = 0

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte, at = raw[at], at + 1
            value, shift = value | (byte & 0x7F) << shift, shift + 7
            if byte < 0x80:
                return value
    while at < len(raw):
        key = varint()
        size = {0: 0, 1: 8, 5: 4}.get(key & 7)
        if size == 0:
            yield key >> 3, varint()
            continue
        size = varint() if size is None else size
        at += size
        yield key >> 3, raw[at - size:at]


def character_map(rule):
    """SentencePiece's own map of characters for a rule, from a model that it trains on a few words."""
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(sentence_iterator=iter(["the cat sat on the mat"] * 100), model_writer=model, vocab_size=15,
                                             normalization_rule_name=rule, minloglevel=2)
    return dict(fields(dict(fields(model.getvalue()))[3]))[2]


def precompiled_families(texts, vocab_size=3000):
    """T5, XLM-R and mT5: a Unigram behind SentencePiece's map of characters."""
    for name, rule, more in (("t5", "nmt_nfkc", [normalizers.Replace(Regex(" {2,}"), " ")]), ("xlm_r", "nmt_nfkc_cf", []), ("mt5", "nfkc", [])):
        trained = Tokenizer(models.Unigram())
        trained.normalizer = normalizers.Sequence([normalizers.Precompiled(character_map(rule)), *more])
        trained.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
        trained.decoder = decoders.Metaspace(prepend_scheme="always")
        trained.train_from_iterator(texts[:len(texts) // 4], trainers.UnigramTrainer(
            vocab_size=vocab_size, show_progress=False, special_tokens=["<pad>", "</s>", "<unk>"], unk_token="<unk>"))
        trained.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", trained.token_to_id("</s>"))])
        yield name, trained


def families(texts):
    yield from byte_level_families(texts)
    yield from unigram_families(texts)
    yield from precompiled_families(texts)
    yield from sentencepiece_families(texts)
