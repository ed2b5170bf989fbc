#!/usr/bin/env python3
"""Makes data/support.jsonl: conversations of customers with a lamp shop, for support-bot.yaml. All of it is invented here.

    python3 make_support.py [--seed 7] [--rows 400] [--out FILE]

The same seed gives the same bytes. What customers say is drawn: who they are, the numbers of their orders, their words. What the
shop answers depends on what they want alone, so it can be learned, and what they say cannot. Half of the
conversations begin with a system message; one in eight holds an earlier answer that went wrong, with weight 0.
"""
import argparse
import json
import pathlib
import random

SYSTEM = "You answer customers of a lamp shop."
NAMES = ("Ada Ben Carla Dario Elin Farid Greta Hugo Ines Jonas Kira Luca Mara Nils Olga Pavel Quinn Rosa Sami Tara "
         "Uwe Vera Wim Yara Zeno Aldo Bea Cato Dora Emil Fay Gus Hana Ivo Jill Kees Lea Max Nora Otto").split()
GREETINGS = ["Hello,", "Good morning,", "Hi,", "Good evening,", "Dear shop,", "Hello again,"]
WRONG = "I do not know, call somebody else."

# What is wanted: how it is said, the answer, and what follows the answer of some.
WISHES = {
    "late": (["my parcel has not come", "where is my parcel", "I still wait for my parcel", "the parcel is late"],
             "I am sorry. Which number does the order have?", "It leaves today and comes tomorrow."),
    "broken": (["the lamp is broken", "the lamp came broken", "the glass of the lamp is broken", "my lamp broke on the way"],
               "That is a pity. Which lamp is it, and which order?", "You get a new one, free of charge."),
    "return": (["I want to send the lamp back", "how do I send it back", "can I send the lamp back", "it has to go back"],
               "Gladly. Which order is it?", "Use the label in the box. The money comes in five days."),
    "colour": (["do you have it in red", "is there a red one", "can I have it in red", "I would like a red one"],
               "Yes, in red and in green. Which order shall I change?", "Done. It will be red."),
    "price": (["what does the tall lamp cost", "how much is the tall lamp", "the price of the tall lamp, please"],
              "The tall lamp costs forty euros.", None),
    "hours": (["when are you open", "until when are you open today", "are you open on Sunday"],
              "We are open from nine to six, but not on Sunday.", None),
    "password": (["I forgot my password", "my password does not work", "I lost my password"],
                 "Choose Forgotten on the first page, and look into your mail.", None),
    "thanks": (["thank you, it is lovely", "the lamp is lovely, thank you", "thanks, all is well"],
               "Thank you for telling us!", None),
}


def said(role, content, **more):
    return {"role": role, "content": content, **more}


def conversation(draw, wish):
    ways, answer, follow_up = WISHES[wish]
    messages = [said("system", SYSTEM)] if draw.random() < 0.5 else []
    if draw.random() < 0.125:
        messages += [said("user", f"{draw.choice(GREETINGS)} it is {draw.choice(NAMES)} again."), said("assistant", WRONG, weight=0)]
    messages += [said("user", f"{draw.choice(GREETINGS)} {draw.choice(ways)}. {draw.choice(NAMES)}"), said("assistant", answer)]
    if follow_up and draw.random() < 0.6:
        messages += [said("user", f"Number {draw.randrange(1000, 10000)}."), said("assistant", follow_up)]
    return {"messages": messages}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--rows", type=int, default=400)
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path(__file__).resolve().parent / "data" / "support.jsonl")
    arguments = parser.parse_args()
    draw = random.Random(arguments.seed)
    wishes = sorted(WISHES)
    seen = {}
    while len(seen) < arguments.rows:
        row = json.dumps(conversation(draw, wishes[len(seen) % len(wishes)]))
        seen[row] = True
    arguments.out.write_text("".join(row + "\n" for row in seen))


if __name__ == "__main__":
    main()
