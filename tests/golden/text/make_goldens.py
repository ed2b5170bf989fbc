#!/usr/bin/env python3
"""Makes the goldens of tests/pipelines/text: tokenizers and the ids that Hugging Face's `tokenizers` gives.

    python3 make_goldens.py [--random N] [--out FOLDER]

Needs the package `tokenizers` (made with 0.23.3). Each file holds {"tokenizer": the tokenizer.json, "cases":
[{"text", "ids", "places" (in bytes), "with_special", "decoded"}]}. trained.json holds our own trainer's tokenizer.json; this script only adds the ids
that Hugging Face gives with it, which shows that it loads there and means the same.
"""
import argparse
import json
import pathlib
import random
import sys

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "oracle"))
import families  # noqa: E402

LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
          r"|\s*[\r\n]+|\s+(?!\S)|\s+")
QWEN2 = LLAMA3.replace(r"\p{N}{1,3}", r"\p{N}")
O200K = ("|".join([
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
    r"\p{N}{1,3}", r" ?[^\s\p{L}\p{N}]+[\r\n/]*", r"\s*[\r\n]+", r"\s+(?!\S)", r"\s+"]))

TRAINING = [
    "The pitcher threw a fastball and the batter swung too late; the crowd rose to its feet.",
    "She skated past the blue line, passed the puck and scored in overtime.",
    "We'll see what they've done: it's late, I'm tired, and he'd rather not say they're wrong.",
    "def main(argv):\n    for index, value in enumerate(argv):\n        print(f\"{index}: {value}\")\n    return 0\n",
    "int main(void) {\n\treturn printf(\"%d\\n\", 12345);\n}\n",
    "机器学习是人工智能的一个分支。我们今天去看比赛,明天再写代码。",
    "التعلم الآلي هو فرع من فروع الذكاء الاصطناعي. ذهبنا إلى المباراة مساءً.",
    "मशीन लर्निंग कृत्रिम बुद्धिमत्ता की एक शाखा है।",
    "Größenwahn, naïveté, café, Ærø, œuvre, ŁÓDŹ, Ωμέγα, Привет мир",
    "👍 👩‍👩‍👧 🇩🇪 🏒⚾ 🎉🎉🎉 ¯\\_(ツ)_/¯",
    "In 1999 the price was 3.14 dollars, in 2024 it was 1,234,567.89 dollars.",
]

CASES = [
    "", " ", "  ", "\n", "\r\n", "\t", "a", " a", "a ", "  a", "a  b", "a   b   ", "hello world", "Hello, World!",
    "The quick brown fox jumps over the lazy dog.", "it's we've they're I'm he'd she'll can't",
    "IT'S WE'VE THEY'RE I'M HE'D SHE'LL CAN'T", "'s 't 're", "''''", "don't\u2019t it\u017fs 'ſ 'K \u212a",
    "12345 1,234.5 ½ ² Ⅷ ٣٤٥ 一二三 ①②", "x=1;y+=2;\tif(x<=y){z=x&&y;}", "def f(a, b):\n    return a  # sum\n\n\n",
    "    indented\n\tmixed \t tabs\n  \n\n end", "trailing spaces   \n   next", "a\r\nb\rc\nd\x0be\x0cf\x85g\u2028h\u2029i",
    "机器学习是人工智能的一个分支。我们今天去看比赛", "東京タワー、ひらがな、カタカナ、한국어 문장", "التعلم الآلي هو فرع",
    "ลองภาษาไทย", "मशीन लर्निंग कृत्रिम", "Größe naïve café cafe\u0301 A\u030a Å \u212b ﬁ ǆ", "Привет, мир! Ёжик",
    "👍👍🏽 👩‍👩‍👧‍👦 🇩🇪🇫🇷 🏴\U000e0067\U000e0062\U000e007f ❤️ ❤", "\u200b\u200c\u200d\ufeff\u00ad\u2060", "\u180e a\u180eb \u180e\u180e",
    "\u00a0nbsp\u00a0\u00a0x \u2003em\u2003 \u3000全角", "\x00\x01\x02\x1b[31mred\x1b[0m\x7f\x80\x9f", "\x1c\x1d\x1e\x1f x",
    "a" * 200, "ab" * 150, " " * 100, "\n" * 70, "\u00e9" * 90, "=" * 80 + "\n" + "-" * 80, "aaaa bbbb" * 20,
    "e\u0301\u0301\u0301 o\u0308\u0323 \u1e69 s\u0323\u0307 s\u0307\u0323 각 \u1100\u1161\u11a8", "\U0001f600\U0010ffff\ue000\ufffd",
    "https://example.org/a/b?c=d&e=f#g user@example.org C:\\dir\\file.txt /usr/bin/env",
    "{\"key\": [1, 2.5e-3, null, true], \"k2\": \"v\\n\"}", "<|endoftext|>", "a<|endoftext|>b", "<|endoftext|><|endoftext|> x",
    "<|endoftex", "<|im_start|>user\nhi<|im_end|>\n", "<tool> <tool_call>x</tool_call>", "<<|endoftext|>>", "Caf\u00e9Tok café\u0301Tok",
    "camelCaseWords HTTPServer XMLHttpRequest iPhone snake_case_name kebab-case", "1st 2nd 3rd 4x4 a1b2c3 v1.2.3",
    "_underscore_ __init__ ** bold ** ~~~ ``` $$$ €£¥ ©®™ °C ±5", "«quoted» „deutsch“ ‚x‘ ‹y› …—–",
]

POOL = ("abcdefghij ABC 0123456789   \t\n\r'’.,;:!?-_/\\()[]{}<>|@#$%^&*+=~`\"" "äöüßéèñçøåÆŁ" "абвГД" "αβγΩ" "中文字机器学习比赛" "ひらカナ한국어"
        "العربية" "मशीन" "ไทย" "👍🏽👩‍👧🇩🇪❤️" "\u0301\u0308\u200d\u00a0\u2003\u3000\u180e\x00\x1b\x85\u2028½²Ⅷ٣" "ſK")
SNIPPETS = ["'s", "'LL", "'re", "<|endoftext|>", "<tool>", "  ", "\r\n", "the", " pitch", "12", "ing", "\u00e9", "e\u0301"]


def random_text(rng: random.Random) -> str:
    parts = []
    for _ in range(rng.randint(1, 24)):
        kind = rng.random()
        if kind < 0.25:
            parts.append(rng.choice(SNIPPETS))
        elif kind < 0.9:
            parts.append(rng.choice(POOL) * rng.choice([1, 1, 1, 2, 5]))
        else:
            code_point = rng.randrange(0x110000)
            parts.append("?" if 0xD800 <= code_point < 0xE000 else chr(code_point) if code_point < 0x3000 else rng.choice(POOL))
    return "".join(parts)


def trained(vocab_size: int, pre_tokenizer, normalizer=None, ignore_merges=False) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE(ignore_merges=ignore_merges))
    tokenizer.pre_tokenizer = pre_tokenizer
    tokenizer.decoder = decoders.ByteLevel()
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    trainer = trainers.BpeTrainer(vocab_size=vocab_size, show_progress=False, special_tokens=["<|endoftext|>"],
                                  initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    tokenizer.train_from_iterator(TRAINING * 2, trainer)
    return tokenizer


def with_split(pattern: str, behavior="isolated", invert=False):
    return pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(pattern), behavior, invert),
                                    pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])


def make_tokenizers():
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    gpt2 = trained(900, byte_level)
    gpt2.add_tokens([AddedToken("<tool>", normalized=True), AddedToken("<tool_call>", normalized=False)])
    yield "gpt2", gpt2, False

    prefix = trained(600, pre_tokenizers.ByteLevel(add_prefix_space=True, use_regex=True))
    prefix.post_processor = processors.ByteLevel(trim_offsets=True)
    yield "prefix_space_merges_as_strings", prefix, True

    llama = trained(800, with_split(LLAMA3), ignore_merges=True)
    llama.add_special_tokens([AddedToken("<|begin_of_text|>", special=True), AddedToken("<|im_start|>", special=True),
                              AddedToken("<|im_end|>", special=True)])
    llama.post_processor = processors.Sequence([
        processors.ByteLevel(trim_offsets=False),
        processors.TemplateProcessing(single="<|begin_of_text|> $A <|endoftext|>",
                                      special_tokens=[("<|begin_of_text|>", llama.token_to_id("<|begin_of_text|>")),
                                                      ("<|endoftext|>", llama.token_to_id("<|endoftext|>"))])])
    yield "llama3", llama, False

    qwen = trained(800, with_split(QWEN2), normalizers.NFC())
    qwen.add_tokens([AddedToken("Caf\u00e9Tok", normalized=True), AddedToken("<tool_call>", normalized=False)])
    yield "qwen2_nfc", qwen, False

    yield "o200k_removed", trained(700, with_split(O200K, "removed", True)), False
    digits = pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), byte_level])
    yield "digits", trained(600, digits), False

    # Few merges, so that the files stay small; ./dev oracle has large ones.
    for name, tokenizer in families.sentencepiece_families(TRAINING, 700):
        if name in ("llama2", "mistral", "gemma", "bpe_unknown"):
            yield name, tokenizer, False
    for name, tokenizer in families.unigram_families(TRAINING * 4, 400):
        yield name, tokenizer, False


def decoded(tokenizer: Tokenizer, ids) -> str:
    """The text of `ids`: ordinary tokens by Hugging Face, added tokens as they are written.

    Hugging Face puts added tokens through the byte-level decoder too, which reads the \u00e9 of an added token as the
    single byte 0xE9 and so damages it; we keep its text.
    """
    added = {id: token.content for id, token in tokenizer.get_added_tokens_decoder().items()}
    text, ordinary = "", []
    for id in [*ids, None]:
        if id is not None and id not in added:
            ordinary.append(id)
            continue
        text += tokenizer.decode(ordinary, skip_special_tokens=False) + ("" if id is None else added[id])
        ordinary = []
    if tokenizer.decoder.__getstate__() != decoders.ByteLevel().__getstate__():
        return tokenizer.decode(ids, skip_special_tokens=False)
    if all(content.isascii() for content in added.values()):
        assert text == tokenizer.decode(ids, skip_special_tokens=False)
    return text


def keeps_characters(tokenizer: Tokenizer, text: str) -> bool:
    """Whether no character comes from several: then places are Hugging Face's, which trims no spaces from them here."""
    rules = tokenizer.normalizer.__getstate__().decode() if tokenizer.normalizer is not None else ""
    trims = tokenizer.post_processor is not None and '"trim_offsets":true' in tokenizer.post_processor.__getstate__().decode()
    return not trims and (not ("NF" in rules or "Regex" in rules) or tokenizer.normalizer.normalize_str(text) == text)


def golden(tokenizer: Tokenizer, texts) -> list:
    cases = []
    for text in texts:
        ids = tokenizer.encode(text, add_special_tokens=False).ids
        places = [[len(text[:offset].encode()) for offset in pair]
                  for pair in tokenizer.encode(text, add_special_tokens=False).offsets]
        case = {"text": text, "ids": ids, "with_special": tokenizer.encode(text).ids, "decoded": decoded(tokenizer, ids)}
        if keeps_characters(tokenizer, text):
            case["places"] = places
        cases.append(case)
    return cases


def write(path: pathlib.Path, tokenizer_json: dict, tokenizer: Tokenizer, texts) -> None:
    content = {"tokenizer": tokenizer_json, "cases": golden(tokenizer, texts)}
    path.write_text(json.dumps(content, ensure_ascii=True, separators=(",", ":")) + "\n")
    print(path, path.stat().st_size)


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--random", type=int, default=40, help="random texts in each file")
    arguments.add_argument("--out", type=pathlib.Path, default=pathlib.Path(__file__).parent)
    arguments.add_argument("--ours", type=pathlib.Path, help="a tokenizer.json made by our trainer: also write trained.json")
    options = arguments.parse_args()
    rng = random.Random(7)
    texts = CASES + [random_text(rng) for _ in range(options.random)]
    for name, tokenizer, merges_as_strings in make_tokenizers():
        content = json.loads(tokenizer.to_str())
        if merges_as_strings:
            content["model"]["merges"] = [" ".join(pair) for pair in content["model"]["merges"]]
        write(options.out / f"{name}.json", content, tokenizer, texts)
    (options.out / "training.json").write_text(json.dumps(TRAINING, ensure_ascii=True, indent=0) + "\n")
    if options.ours:
        text = options.ours.read_text()
        write(options.out / "trained.json", json.loads(text), Tokenizer.from_str(text), texts)


if __name__ == "__main__":
    main()
