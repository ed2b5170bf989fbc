#!/usr/bin/env python3
"""Makes the example data: data/sports.csv and data/corpus/*.txt. All of it is invented here.

    python3 make_data.py [--seed 7] [--out FOLDER]

The same seed gives the same bytes. Names of people, teams and places serve both sports alike, so that only what
happens in a sentence tells which sport it is about. The corpus never names the sports.
"""
import argparse
import csv
import io
import pathlib
import random

FIRST = ("Ada Ben Carla Dario Elin Farid Greta Hugo Ines Jonas Kira Luca Mara Nils Olga Pavel Quinn Rosa Sami Tara "
         "Uwe Vera Wim Yara Zeno Aldo Bea Cato Dora Emil").split()
LAST = ("Alder Birkett Calloway Dorne Ekman Farrow Gantry Holm Ibarra Jessop Kestrel Lomax Marlow Norling Okafor "
        "Pell Quist Rowan Stroud Tamm Ulver Vance Wexler Yarrow Zeller Ashby Brandt Corrin Dufay Esker").split()
CITY = ("Northfield Eastport Granville Millbrook Redwater Lakeside Stonebridge Fairhaven Oakdale Silverton "
        "Westmere Ashford Brightwater Cedarville Dunmore Elmhurst").split()
NICK = ("Foxes Owls Comets Pilots Rangers Otters Falcons Miners Sailors Wolves Rovers Giants Herons Badgers Knights "
        "Ravens").split()
DAY = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
MOOD = ["nervous", "calm", "delighted", "tired", "proud", "angry", "relieved", "restless", "hopeful", "quiet"]
CROWD = ["the crowd", "the home fans", "a small crowd", "the whole stand", "the visitors' section", "everyone"]
CHEER = ["rose to its feet", "went silent", "cheered for a minute", "could not believe it", "sang until the end",
         "groaned", "held its breath", "clapped politely"]
WHEN = ["late in the game", "early on", "with time running out", "on {day} night", "on {day} afternoon",
        "in the last game of the trip", "for the second night running", "after a long delay", "in front of {crowd}",
        "against the {team}"]
ADVERB = ["quickly", "calmly", "twice", "again", "at last", "without fuss", "somehow", "easily", "badly", "in style"]
COUNT = ["two", "three", "four", "five", "six", "seven"]
ORDINAL = ["first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth"]

BASEBALL = {
    "weather": ["under a hot sun", "in a light drizzle", "on a windy evening", "after the rain had dried",
                "in the dry summer heat", "with the grass still wet"],
    "place": ["at the ballpark", "in center field", "near the dugout", "on the mound", "behind home plate",
              "along the third base line", "at shortstop", "in the bullpen", "at the warning track", "at second base"],
    "pitch": ["fastball", "curveball", "slider", "changeup", "knuckleball", "sinker", "wild pitch"],
    "hit": ["a double", "a triple", "a bunt", "a home run", "a line drive", "a ground ball", "a grand slam",
            "a pop fly", "a single to left", "a sacrifice fly"],
    "role": ["pitcher", "catcher", "shortstop", "left fielder", "center fielder", "first baseman", "reliever",
             "batter", "umpire", "third base coach", "designated hitter"],
    "gear": ["bat", "mitt", "catcher's mask", "batting helmet", "resin bag", "pine tar"],
}
BASEBALL_TEMPLATES = [
    "{name} hit {hit} {when}.",
    "{name} struck out {adverb} on a {pitch}.",
    "The {role} {name} dropped the ball {place}, and {crowd} {cheer}.",
    "A {pitch} from {name} froze the batter {when}.",
    "{name} stole second base {when}.",
    "The {team} loaded the bases in the {ordinal} inning.",
    "After {count} innings the {team} still had no hits.",
    "The {team} won {score} when {name} hit {hit}.",
    "{name} threw {count} scoreless innings {weather}.",
    "The umpire called {name} out at the plate, and {crowd} {cheer}.",
    "With two outs and a runner on third, {name} hit {hit}.",
    "The {role} looked {mood} {place} {when}.",
    "{name} walked the leadoff batter {adverb}.",
    "Rain stopped the game in the {ordinal} inning, and the grounds crew covered the infield.",
    "{name} caught a fly ball {place} {weather}.",
    "The bullpen gave up {count} runs {when}.",
    "{name} broke a {gear} on an inside {pitch}.",
    "A foul ball off {name} landed in the upper deck, where {crowd} {cheer}.",
    "The {team} turned a double play to end the {ordinal} inning.",
    "{name}'s batting average climbed after {hit} {when}.",
    "The manager took the ball from {name}, who had thrown {pitches} pitches.",
    "{name} rounded the bases {adverb} while {crowd} {cheer}.",
    "Bottom of the ninth, bases loaded, and {name} felt {mood}.",
    "The {team} scored {count} runs in the {ordinal} inning {weather}.",
    "The new {role} wore a borrowed {gear} {when}.",
    "A perfect game slipped away when {name} allowed {hit}.",
    "{name} slid into home {weather}, safe by a step.",
    "{name} left the {team} a signed {gear} before the season.",
    "The {role} and the {role2} argued {place}.",
    "Nobody could touch {name}'s {pitch} {when}.",
    "Strike three! {name} walked back to the dugout, {mood}.",
    "{name} warmed up in the bullpen but never came in.",
    "The {team} lost {score} after {name} walked in the winning run.",
    "Scouts from {city} timed {name} running to first base.",
    "{name} bunted, the {role} threw wide, and {crowd} {cheer}.",
    "A pinch hitter named {name} ended it with {hit}.",
    "Seventh-inning stretch: {crowd} sang, and {name} signed a {gear}.",
    "Was that a strike? {name} did not think so, and neither did {crowd}.",
    "How did the {role} miss that grounder {when}?",
    "What a catch by {name} {place}, {weather}!",
]
HOCKEY = {
    "weather": ["while snow fell outside", "on fresh ice", "in a freezing rink", "with fog above the ice",
                "in the cold old arena", "on soft ice"],
    "place": ["at the rink", "behind the net", "along the boards", "at the blue line", "in the crease",
              "in the face-off circle", "in the penalty box", "at center ice", "in the neutral zone", "on the bench"],
    "shot": ["slap shot", "wrist shot", "backhand", "one-timer", "rebound", "deflection", "penalty shot"],
    "foul": ["tripping", "slashing", "high-sticking", "boarding", "hooking", "icing", "cross-checking", "holding"],
    "role": ["goalie", "goaltender", "center", "left winger", "right winger", "defenseman", "linesman", "rookie forward",
             "power play unit", "enforcer", "backup goalie"],
    "gear": ["stick", "shin guard", "pair of skates", "goalie mask", "blocker", "mouthguard"],
}
HOCKEY_TEMPLATES = [
    "{name} scored on a {shot} {when}.",
    "{name} sat {count} minutes in the penalty box for {foul}.",
    "The {role} {name} lost the puck {place}, and {crowd} {cheer}.",
    "A {shot} from {name} beat the goalie {when}.",
    "{name} won the face-off {when}.",
    "The {team} killed a penalty in the {period} period.",
    "After {periods} periods the {team} still had no goals.",
    "The {team} won {score} in overtime when {name} tipped in a {shot}.",
    "{name} made {saves} saves {weather}.",
    "The referee waved off the goal, and {crowd} {cheer}.",
    "With the goalie pulled, {name} hit the post with a {shot}.",
    "The {role} looked {mood} {place} {when}.",
    "{name} cleared the puck {adverb}.",
    "A crack in the glass stopped the game in the {period} period.",
    "{name} blocked a {shot} {place} {weather}.",
    "The penalty killers gave up {count} shots {when}.",
    "{name} broke a {gear} on a {shot}.",
    "The puck flew over the glass off {name}, and {crowd} {cheer}.",
    "The {team} scored on the power play to end the {period} period.",
    "{name}'s plus-minus climbed after a {shot} {when}.",
    "The coach changed lines, and {name} had skated {count} shifts.",
    "{name} skated around the net {adverb} while {crowd} {cheer}.",
    "Overtime, three on three, and {name} felt {mood}.",
    "The {team} took {count} penalties in the {period} period {weather}.",
    "The new {role} wore a borrowed {gear} {when}.",
    "A shutout slipped away when {name} let in a {shot}.",
    "{name} slid into the boards {weather}, shaken but fine.",
    "{name} left the {team} a signed {gear} before the season.",
    "The {role} and the {role2} argued {place}.",
    "Nobody could stop {name}'s {shot} {when}.",
    "Hat trick! {name} skated back to the bench, {mood}.",
    "{name} warmed up between the pipes but never came in.",
    "The {team} lost {score} after {name} was called for {foul}.",
    "Scouts from {city} timed {name} skating to the blue line.",
    "{name} dumped the puck in, the {role} misread the bounce, and {crowd} {cheer}.",
    "A rookie named {name} ended the shootout with a {shot}.",
    "Second intermission: the ice was cleaned, and {name} signed a {gear}.",
    "Was that offside? {name} did not think so, and neither did {crowd}.",
    "How did the {role} miss that puck {when}?",
    "What a save by {name} {place}, {weather}!",
]
# Only one word, or what happens, tells the sport.
HARD = {
    "baseball": ["{name} swung and missed {when}.", "Nobody covered first, and the {team} paid for it.",
                 "{name} was thrown out trying for third.", "{count} runs were not enough for the {team} {when}.",
                 "It went to extra innings {when}.", "{name} fouled off {count} in a row and then walked.",
                 "{name} tipped a cap to {crowd} after leaving the mound."],
    "hockey": ["{name} shot wide of the net {when}.", "Nobody covered the slot, and the {team} paid for it.",
               "{name} was sent off for roughing.", "{count} goals were not enough for the {team} {when}.",
               "It went to a shootout {when}.", "{name} lost an edge {count} times and then fell.",
               "{name} raised a stick to {crowd} after leaving the ice."],
}
EVERYDAY = [
    "{first} walked to the market in {city} and bought bread, apples and tea.",
    "On {day} the bus from {city} was late, so {first} read a book at the stop.",
    "{first} cooked soup for {count} friends, and they talked until midnight.",
    "The library in {city} opens at nine and closes at six.",
    "It rained all {day}, and the river near {city} rose a little.",
    "{first} wrote a letter to {first2} about the new house in {city}.",
    "The old train takes {count} hours from {city} to the coast.",
    "{first} felt {mood} before the exam but {adverb} found the right answers.",
    "In the morning {first} feeds the cat, opens the window and makes coffee.",
    "{first} and {first2} planted {count} trees behind the school.",
    "The baker in {city} sells warm rolls on {day} mornings.",
    "Why is the sky blue? {first} asked, and {first2} tried to explain.",
    "{first} lost a key in the snow and found it {count} days later.",
    "The teacher was {mood}, because the whole class had done the work.",
    "There are {count} bridges in {city}, and {first} has crossed them all.",
]
STORY_OPENERS = {
    "baseball": ["The {team} came to {city} on {day}, and the ballpark filled early.",
                 "It was a warm evening for a ball game in {city}.", "{name} took the mound for the {team} on {day}."],
    "hockey": ["The {team} came to {city} on {day}, and the rink filled early.",
               "It was a cold evening for a game on the ice in {city}.", "{name} started in goal for the {team} on {day}."],
}
CLOSERS = ["Afterwards {name} felt {mood}.", "The {team} play again on {day}.", "The {team} go home to {city} with a win.",
           "{crowd_cap} {cheer} when it was over.", "It was the {ordinal} win of the season for the {team}."]
SPORTS = {"baseball": (BASEBALL, BASEBALL_TEMPLATES), "hockey": (HOCKEY, HOCKEY_TEMPLATES)}


class Writer:
    def __init__(self, rng: random.Random):
        self.rng = rng

    def slots(self, words: dict) -> dict:
        pick = self.rng.choice
        low = self.rng.randint(0, 6)
        crowd = pick(CROWD)
        slots = {name: pick(values) for name, values in words.items()}
        slots.update(
            first=pick(FIRST), first2=pick(FIRST), city=pick(CITY), day=pick(DAY), mood=pick(MOOD), crowd=crowd,
            crowd_cap=crowd[0].upper() + crowd[1:], cheer=pick(CHEER), adverb=pick(ADVERB), count=pick(COUNT),
            ordinal=pick(ORDINAL), period=pick(ORDINAL[:3]), periods=pick(["two", "three"]),
            team=f"{pick(CITY)} {pick(NICK)}" if self.rng.random() < 0.6 else pick(NICK),
            score=f"{low + self.rng.randint(1, 5)}-{low}", pitches=self.rng.randint(40, 120),
            saves=self.rng.randint(15, 50), role2=pick(words["role"]) if "role" in words else "")
        full = f"{slots['first']} {pick(LAST)}"
        slots["name"] = full if self.rng.random() < 0.55 else full.split()[1]
        slots["when"] = pick(WHEN).format(**slots)
        return slots

    def fill(self, template: str, words: dict) -> str:
        text = template.format(**self.slots(words))
        return text[0].upper() + text[1:]

    def sentence(self, sport: str) -> str:
        words, templates = SPORTS[sport]
        hard = self.rng.random() < 0.12
        text = self.fill(self.rng.choice(HARD[sport] if hard else templates), words)
        tail = self.rng.random()
        if tail < 0.07:
            text = text[:-1] + f', and "{self.rng.choice(["what a night", "never again", "at last", "I knew it"])}" was all ' \
                + f"{self.rng.choice(LAST)} said."
        elif tail < 0.13:
            text = text[:-1] + self.rng.choice([", they say.", ", of all nights.", "; nobody left early.", ", again."])
        return text

    def paragraph(self) -> str:
        if self.rng.random() < 0.25:
            return " ".join(self.fill(self.rng.choice(EVERYDAY), {}) for _ in range(self.rng.randint(2, 6)))
        sport = self.rng.choice(["baseball", "hockey"])
        words = SPORTS[sport][0]
        sentences = [self.fill(self.rng.choice(STORY_OPENERS[sport]), words)]
        sentences += [self.sentence(sport) for _ in range(self.rng.randint(2, 6))]
        if self.rng.random() < 0.6:
            sentences.append(self.fill(self.rng.choice(CLOSERS), words))
        return " ".join(sentences)


def messy_label(rng: random.Random, label: str) -> str:
    return rng.choice([label] * 12 + [label.capitalize(), label.upper(), label + " ", " " + label, label.capitalize() + " "])


def with_spaces(rng: random.Random, text: str) -> str:
    words = text.split(" ")
    words[rng.randrange(len(words))] += " "
    return rng.choice(["", " ", "  "]) + " ".join(words) + rng.choice(["", " ", "\t"])


def sports_rows(rng: random.Random, count: int) -> list:
    """Rows of [id, sentence, label] as a careless export: about a tenth of them needs a repair."""
    writer = Writer(rng)
    seen, clean = set(), []
    while len(clean) < count:
        label = "baseball" if len(clean) % 2 == 0 else "hockey"
        text = writer.sentence(label)
        if text not in seen:
            seen.add(text)
            clean.append((text, label))
    rng.shuffle(clean)
    rows = []
    for text, label in clean:
        spoiled = rng.random()
        if spoiled < 0.015:
            rows.append([text, rng.choice(["", " "])])
        else:
            rows.append([with_spaces(rng, text) if spoiled < 0.05 else text, messy_label(rng, label)])
    for _ in range(count // 25):
        text, label = rng.choice(clean)
        copy = text if rng.random() < 0.5 else with_spaces(rng, text)
        rows.insert(rng.randrange(len(rows)), [copy, messy_label(rng, label)])
    for text, label in rng.sample(clean, 8):
        rows.insert(rng.randrange(len(rows)), [text, "hockey" if label == "baseball" else "baseball"])
    for _ in range(20):
        rows.insert(rng.randrange(len(rows)), rng.choice([["", ""], [" ", ""]]))
    source = ["radio", "paper", "forum", "app"]
    return [[text, rng.choice(source) if text.strip() else "", label] for text, label in rows]


def sports_csv(rng: random.Random) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["text", "source", "lable"])
    writer.writerows(sports_rows(rng, 3000))
    return out.getvalue()


def corpus(rng: random.Random, size: int) -> str:
    writer = Writer(rng)
    paragraphs, total = [], 0
    while total < size:
        paragraphs.append(writer.paragraph())
        total += len(paragraphs[-1]) + 2
    return "\n\n".join(paragraphs) + "\n"


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--seed", type=int, default=7)
    arguments.add_argument("--out", type=pathlib.Path, default=pathlib.Path(__file__).parent / "data")
    options = arguments.parse_args()
    (options.out / "corpus").mkdir(parents=True, exist_ok=True)
    (options.out / "sports.csv").write_text(sports_csv(random.Random(options.seed)), newline="")
    for number in range(1, 4):
        text = corpus(random.Random(f"{options.seed}/{number}"), 240_000)
        assert "baseball" not in text.lower() and "hockey" not in text.lower()
        (options.out / "corpus" / f"stories-{number}.txt").write_text(text)


if __name__ == "__main__":
    main()
