"""Mixed text of our own for the oracle: the same for the same seed."""
import pathlib
import random

ROOT = pathlib.Path(__file__).resolve().parents[2]

SENTENCES = {
    "english": ["The pitcher threw a fastball and the batter swung too late; the crowd rose to its feet.",
                "We'll see what they've done: it's late, I'm tired, and he'd rather not say they're wrong.",
                "In 1999 the price was $3.14, in 2024 it was 1,234,567.89 dollars (before tax).",
                "\u201cWhy not?\u201d she asked \u2014 and nobody answered\u2026 DON'T SHOUT, it isn't NASA's iPhone."],
    "chinese": ["机器学习是人工智能的一个分支。", "我们今天去看比赛,明天再写代码。", "这件商品的价格是1234元,比去年贵了百分之十二。",
                "「春眠不覺曉,處處聞啼鳥。」——孟浩然", "她说:“好的!”然后就走了……"],
    "japanese": ["東京タワーの高さは333メートルです。", "カタカナとひらがなと漢字をﾊﾝｶｸも混ぜて書く。", "ありがとうございました!"],
    "korean": ["오늘은 날씨가 좋아서 경기를 보러 갔습니다.", "한국어 문장 각각의 음절을 나눈다."],
    "arabic": ["التعلم الآلي هو فرع من فروع الذكاء الاصطناعي.", "ذهبنا إلى المباراة مساءً، ثم عدنا إلى البيت.",
               "السَّلَامُ عَلَيْكُمْ وَرَحْمَةُ اللهِ، العدد ١٢٣٤٥٦."],
    "hebrew": ["בְּרֵאשִׁית בָּרָא אֱלֹהִים", "שלום עולם, מה שלומך היום?"],
    "hindi": ["मशीन लर्निंग कृत्रिम बुद्धिमत्ता की एक शाखा है।", "हमने कल १२३ रन बनाए और मैच जीत लिया!", "क़ानून की किताब ज़रूर पढ़िए।"],
    "thai": ["ลองเขียนภาษาไทยสักประโยคหนึ่งให้ยาวพอสมควร", "ราคา ๒๕๐ บาท"],
    "european": ["Größenwahn, naïveté, café, Ærø, œuvre, ŁÓDŹ — Straße nach Öland.", "Привет, мир! Ёжик съел 12 яблок.",
                 "Ωμέγα και άλφα· η ψυχή μου.", "İstanbul'da ışık ve DİĞER ılık sözler", "cafe\u0301 A\u030a n\u0303 o\u0308\u0323 \u212b \ufb01n"],
    "emoji": ["👍👍🏽 👩‍👩‍👧‍👦 🇩🇪🇫🇷 ❤️ ❤ 🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f", "🎉🎉🎉 ¯\\_(ツ)_/¯ 🧑🏿‍🚒🧑‍🔬 ☕️⚾🏒",
              "\U0001fae0\U0001faf6\u200d\u2640\ufe0f 1\ufe0f\u20e3 ™️ ©"],
    "code": ["def main(argv):\n    for index, value in enumerate(argv):\n        print(f\"{index}: {value}\")\n    return 0\n",
             "int main(void) {\n\treturn printf(\"%d\\n\", 0x7fff);\t// sum\n}\n\n\n", "SELECT * FROM t WHERE a>=1 AND b<>'x' -- ok;\n",
             "{\"key\": [1, 2.5e-3, null, true], \"k2\": \"v\\n\"}\r\n", "<div class=\"a b\">&nbsp;x</div>\n", "git commit -m 'x' && make -j8 || exit 1\n"],
    "control": ["\x00\x01\x02\x1b[31mred\x1b[0m\x7f\x80\x9f", "\x1c\x1d\x1e\x1f x\x0b\x0c\x85y", "a\u2028b\u2029c\u00a0d\u200be\ufefff\u00ad",
                "\u180e \u2003\u3000\u205f|", "\ufffd\ufffe\uffff\U0010ffff\ue000"],
    "spaces": ["    indented\n\tmixed \t tabs\n  \n\n end", "trailing spaces   \n   next", " ", "  ", "\r\n\r\n \n", "x" + " " * 37 + "y\t\t\t\tz"],
}
SNIPPETS = ["'s", "'LL", "'re", "'\u017f", "<|endoftext|>", "<tool>", "<s>", "</s>", "<unk>", "<0x41>", "  ", "\r\n", "the", " pitch", "12", "ing",
            "\u00e9", "e\u0301", "\u2581", "\u2581\u2581", "A", "Zz", "\u01c5", "\u1c89", "\u0378", "\U0001e030", "/", "\n/", "://", "\u00b7"]
POOL = ("abcdefghij ABC 0123456789   \t\n\r'’.,;:!?-_/\\()[]{}<>|@#$%^&*+=~`\"" "äöüßéèñçøåÆŁ" "абвГД" "αβγΩ" "中文字机器学习比赛" "ひらカナ한국어"
        "العربية" "मशीन" "ไทย" "👍🏽👩‍👧🇩🇪❤️" "\u0301\u0308\u200d\u00a0\u2003\u3000\u180e\x00\x1b\x85\u2028½²Ⅷ٣ſK▁")


def random_character(rng: random.Random) -> str:
    kind = rng.random()
    if kind < 0.8:
        return rng.choice(POOL)
    code_point = rng.randrange(0x3000 if kind < 0.9 else 0x33000 if kind < 0.97 else 0x110000)
    return "?" if 0xD800 <= code_point < 0xE000 else chr(code_point)


def random_text(rng: random.Random) -> str:
    parts = []
    for _ in range(rng.choice((1, 2, 3, 5, 8, 13))):
        kind = rng.random()
        if kind < 0.25:
            parts.append(rng.choice(SNIPPETS))
        elif kind < 0.3:
            parts.append(rng.choice(rng.choice(list(SENTENCES.values())))[:rng.randint(1, 30)])
        elif kind < 0.35:  # cut characters, as a reader of broken bytes hands them on
            whole = rng.choice(rng.choice(list(SENTENCES.values()))).encode()
            begin = rng.randrange(len(whole))
            parts.append(whole[begin:begin + rng.randint(1, 20)].decode("utf-8", "replace"))
        else:
            parts.append(random_character(rng) * rng.choice((1, 1, 1, 2, 5)))
    return "".join(parts)


def mixed_text(rng: random.Random, size_bytes: int) -> str:
    """Sentences of one kind in a paragraph, words of all of them in others, random characters between."""
    parts, size = [], 0
    kinds = list(SENTENCES)
    words = [word for sentences in SENTENCES.values() for sentence in sentences for word in sentence.split(" ")]
    while size < size_bytes:
        kind = rng.random()
        if kind < 0.7:
            sentences = SENTENCES[rng.choice(kinds)]
            part = rng.choice((" ", "", "\n")).join(rng.choice(sentences) for _ in range(rng.randint(1, 6)))
        elif kind < 0.9:
            part = " ".join(rng.choice(words) for _ in range(rng.randint(3, 30)))
        else:
            part = random_text(rng)
        part += rng.choice((" ", "\n", "\n\n", ". "))
        parts.append(part)
        size += len(part.encode())
    return "".join(parts)


def own_files() -> list:
    """Texts of this repository: prose, code, tables."""
    patterns = ("docs/*.md", "pipelines/**/*.cc", "pipelines/**/*.h", "controller/core/*.cc", "tests/e2e/*.py",
                "pipelines/examples/data/**/*.txt", "pipelines/examples/data/*.csv", "docs/openapi.yaml")
    return [path.read_text(encoding="utf-8") for pattern in patterns for path in sorted(ROOT.glob(pattern))]


def documents(seed: int, size_bytes: int) -> list:
    """At least `size_bytes` of text in documents of one to a hundred thousand characters."""
    rng = random.Random(seed)
    texts, size = [], 0
    for text in own_files():
        texts.append(text[:100_000])
        size += len(texts[-1].encode())
        if size > size_bytes // 2:
            break
    while size < size_bytes:
        texts.append(mixed_text(rng, rng.choice((10, 100, 1_000, 5_000, 20_000, 100_000))))
        size += len(texts[-1].encode())
    return texts


def every_character(step: int) -> list:
    """Each character that has a meaning (every `step`th), among letters, digits and spaces; in documents of 1,000."""
    characters = [chr(code) for code in [*range(0xD800), *range(0xF900, 0x33480), *range(0xE0000, 0xE0200)]][::step]
    return ["".join(f"a{c}1{c} {c}'{c}" for c in characters[i:i + 1000]) for i in range(0, len(characters), 1000)]
