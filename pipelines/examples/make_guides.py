#!/usr/bin/env python3
"""Writes pipelines/examples/data/guides: ten usual cases of fine-tuning, each in the right form and in a wrong one.

    pipelines/examples/make_guides.py

All text is made up here. `luthier data check` has nothing to complain about in the right files but that they are small; what it finds
in the wrong ones is in tests/pipelines/data/check/guides_test.cc. The same text in every run.
"""

import base64
import json
import pathlib
import zlib

FOLDER = pathlib.Path(__file__).resolve().parent / "data" / "guides"


def write(case, name, text):
    (FOLDER / case).mkdir(parents=True, exist_ok=True)
    (FOLDER / case / name).write_bytes(text if isinstance(text, bytes) else text.encode())


def lines(records):
    return "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)


def pair(prompt, completion):
    return {"prompt": prompt, "completion": completion}


def message(role, content):
    return {"role": role, "content": content}


def chat(*messages, **more):
    return {"messages": list(messages), **more}


COMPANIES = [("Harbour Bakery", "rye bread", "Our rye bread rests for two days before it meets the oven.", "yes"),
             ("Harbour Bakery", "rye bread", "Book your ferry with us and sleep on deck.", "no"),
             ("Nordlicht Optics", "reading glasses", "Reading glasses that find the small print for you.", "yes"),
             ("Nordlicht Optics", "reading glasses", "The best pizza between here and the station.", "no"),
             ("Green Wheel", "bicycle repair", "Flat tyre at eight, back on the road at nine.", "yes"),
             ("Green Wheel", "bicycle repair", "We whiten teeth in a single visit.", "no"),
             ("Velvet Lane", "theatre curtains", "Curtains that open on time, every night.", "yes"),
             ("Velvet Lane", "theatre curtains", "Snow tyres for every kind of van.", "no"),
             ("Old Mill", "flour", "Stone-ground flour, as your grandmother weighed it.", "yes"),
             ("Old Mill", "flour", "Learn the trumpet in ten easy evenings.", "no"),
             ("Kite & Co", "kites", "Kites that stay up when the wind goes home.", "yes"),
             ("Kite & Co", "kites", "Your tax return, done while you wait.", "no")]


def ads():
    prompts = [f"Company: {company}\nProduct: {product}\nAd: {ad}\nSupported:" for company, product, ad, _ in COMPANIES]
    labels = [label for *_, label in COMPANIES]
    write("ads", "right.jsonl", lines(pair(prompt, " " + label) for prompt, label in zip(prompts, labels)))
    rows = ["Prompt,Completion"]
    for number, (company, product, ad, label) in enumerate(COMPANIES):
        written = {1: "No", 7: "no "}.get(number, label)
        text = f'"Company: {company}, Product: {product}, Ad: {ad}"' if number != 6 else f"Company: {company}, Ad: {ad}"
        rows.append(f"{text},{written}")
    write("ads", "wrong.csv", "\r\n".join(rows) + "\r\n")


PRAISE = ["The new tram is quiet and on time", "Finally a phone that survives my pocket", "What a concert, I am still humming",
          "The library opens on Sundays now, hooray", "Best soup of the winter", "My parcel came a day early"]
COMPLAINTS = ["Two hours on hold and then nothing", "The jacket leaks at every seam", "My flight was cancelled by text message",
              "The update ate my photos", "Cold coffee, colder service", "The bridge is closed again"]


def sentiment():
    records = []
    for good, bad in zip(PRAISE, COMPLAINTS):
        records += [pair(good + " ->", " positive"), pair(bad + " ->", " negative")]
    write("sentiment", "right.jsonl", lines(records))
    rows = ["text\tsentiment"]
    for number, record in enumerate(records):
        label = {3: "", 5: "negative"}.get(number, record["completion"])
        text = record["prompt"].replace("coffee", "caf\u00c3\u00a9")  # UTF-8 that was read as Latin-1
        rows.append(f"{text}\t{label}")
    rows.append(rows[1])
    write("sentiment", "wrong.tsv", "\n".join(rows) + "\n")


LETTERS = [("Update my address", "Jo Maier", "Please send everything to my new flat.", 4),
           ("Where is my order", "Ana Duarte", "It was due on Monday.", 1),
           ("Refund", "Lee Chen", "The lamp arrived in two halves.", 2),
           ("Invoice", "Sam Okoro", "I need the invoice for March once more.", 3),
           ("New flat", "Ida Lund", "From May on I live upstairs.", 4),
           ("Late again", "Omar Said", "The tracking has not moved for a week.", 1),
           ("Money back", "Eva Roth", "The shoes are two left ones.", 2),
           ("Bill", "Tom Hill", "The bill shows the old tax number.", 3),
           ("Moving", "Lin Zhao", "Please change street and town.", 4),
           ("Parcel", "Max Berg", "The driver left it with nobody.", 1),
           ("Broken", "Pia Novak", "The cup has a crack.", 2),
           ("Receipt", "Ken Abe", "Could you send the receipt as PDF?", 3),
           ("Post box", "Uma Patel", "My name at the door has changed.", 4),
           ("Delivery", "Jan Kok", "Nobody rang, and I was at home.", 1)]


def emails():
    def prompt(subject, sender, body):
        return f"Subject: {subject}\nFrom: {sender}\nContent: {body}\n\n###\n\n"
    write("emails", "right.jsonl", lines(pair(prompt(*letter[:3]), f" {letter[3]}") for letter in LETTERS))
    text = ""
    for number, (subject, sender, body, category) in enumerate(LETTERS):
        record = pair(prompt(subject, sender, body), f" {category}")
        if number in (2, 8):
            record["completion"] = category  # a number, not a text
        if number == 4:
            record["prompt"] = record["prompt"].replace(sender, f"{sender} <ida.lund@example.org>")
        line = json.dumps(record)
        text += (line.replace("\\n\\n###\\n\\n", "\n\n###\n\n") if number == 6 else line) + "\n"
    write("emails", "wrong.jsonl", text)


ENTITIES = [("Portugal leaves the green list on Tuesday, the UK said.", ["Portugal", "UK"]),
            ("Mira Koss of Tallinn won the harbour prize.", ["Mira Koss", "Tallinn", "harbour prize"]),
            ("The ferry Aurora met the tug Pelle off Gotland.", ["Aurora", "Pelle", "Gotland"]),
            ("Oslo and Bergen share a choir called Nordstemmer.", ["Oslo", "Bergen", "Nordstemmer"]),
            ("Professor Adeyemi found the letter in Leiden.", ["Adeyemi", "Leiden"]),
            ("In Quito the museum bought a map by Ruiz.", ["Quito", "Ruiz"]),
            ("The Danube flooded Passau and Linz.", ["Danube", "Passau", "Linz"]),
            ("Kenji Ito's film opens in Osaka.", ["Kenji Ito", "Osaka"]),
            ("A comet named Halvor passes Venus in June.", ["Halvor", "Venus"]),
            ("The band Two Kettles plays in Cork.", ["Two Kettles", "Cork"]),
            ("Rosa Lind sold her bakery to Old Mill.", ["Rosa Lind", "Old Mill"]),
            ("Geneva hosts the chess club Rook Nine.", ["Geneva", "Rook Nine"])]


def entities():
    records = [pair(text + "\n\n###\n\n", " " + "\n".join(found) + " END") for text, found in ENTITIES]
    write("entities", "right.jsonl", lines(records))
    parts = [json.dumps(record) for record in records]
    parts[2] = parts[2].replace('" Aurora\\nPelle\\nGotland END"', "None")
    parts[5] = '{"prompt": "In Quito the museum bought a map by Ruiz.\\n\\n###\\n\\n"}'
    parts[7] = parts[7][:-1] + ",}"
    write("entities", "wrong.json", "[\n" + ",\n".join(parts) + ",\n]\n")


PRODUCTS = [("steel kettle, 1.2 litres, matt black", "A matt black kettle that holds enough for four mugs and keeps its handle cool."),
            ("wool socks, grey, pack of three", "Three pairs of grey wool socks for people who refuse to have cold feet."),
            ("desk lamp, brass, dimmable", "A brass lamp that turns down politely when the evening does."),
            ("garden chair, folding, oak", "An oak chair that folds flat and waits for the sun behind the door."),
            ("notebook, dotted, 160 pages", "One hundred and sixty dotted pages that never tell you where to write."),
            ("rain cape, yellow, one size", "A yellow cape that makes every puddle look like an invitation."),
            ("bread knife, 22 cm, serrated", "A serrated blade that goes through crust without arguing with the crumb."),
            ("travel mug, steel, 400 ml", "Four hundred millilitres of coffee that stay hot past the third station."),
            ("hand cream, almond, 75 ml", "Almond cream for hands that have washed too many dishes this week."),
            ("wall clock, silent, 30 cm", "A clock that keeps the time and keeps it to itself."),
            ("tea towel, linen, set of two", "Two linen towels that get better with every plate they dry."),
            ("toy boat, beech, unpainted", "A plain beech boat that asks for a bathtub and a captain.")]


def products():
    records = [pair(facts + "\n\n###\n\n", f" {text} END") for facts, text in PRODUCTS]
    write("products", "right.jsonl", lines(records))
    wrong = [dict(record) for record in records]
    wrong[1]["completion"] = "\n\n" + wrong[1]["completion"].strip()
    wrong[4]["completion"] = ""
    long_text = ("A kettle for kitchens that wake up early, with a lid that closes softly, a spout that does not drip, a base that "
                 "takes any plug and a whistle that can be switched off at night. It boils a litre in three minutes, tells you "
                 "when the water is ready for green tea, and stands so firmly that no cat has ever moved it. Two years of "
                 "guarantee, spare parts for ten, and a brush for the chalk come with it END")
    wrong += [pair("steel kettle, grey\n\n###\n\n", " " + long_text), pair("steel kettle, blue\n\n###\n\n", " " + long_text)]
    write("products", "wrong.jsonl", lines(wrong))


QUESTIONS = [("My parcel has not arrived.", "I am sorry to hear that. May I have your order number?", "It is 7731.",
              "Thank you. It left our store this morning and should reach you tomorrow."),
             ("Can I change the colour of my order?", "Gladly, as long as it has not been packed. Which order is it?", "Number 7802, please.",
              "It has not been packed yet. Which colour would you like?"),
             ("The lamp does not switch on.", "Let us find out why. Is the bulb in it a new one?", "Yes, quite new.",
              "Then I will send you another lamp today, free of charge."),
             ("Do you deliver to Iceland?", "We do, once a week. Where in Iceland would that be?", "Akureyri.",
              "Akureyri takes nine days and costs twelve euros."),
             ("How do I send shoes back?", "Print the label from your account and drop the box at any post office.", "And the money?",
              "It is back on your card within five days of arrival."),
             ("I forgot my password.", "No harm done. Choose 'Forgotten' on the sign-in page.", "No mail comes.",
              "Then please look in your junk folder, or tell me the name on the account.")]
SUPPORT = "You answer customers of a small shop: friendly, short, and only about their orders."


def support():
    records = []
    for first, answer, second, last in QUESTIONS:
        conversation = [message("system", SUPPORT), message("user", first), message("assistant", answer)]
        records += [chat(*conversation), chat(*conversation, message("user", second), message("assistant", last))]
    write("support", "right.jsonl", lines(records))
    wrong = json.loads(json.dumps(records))
    wrong[0]["messages"][2]["role"] = "agent"
    wrong[2]["messages"][2]["content"] = None
    wrong[4]["messages"].append(message("user", "Thanks!"))
    wrong[6]["messages"][1]["text"] = wrong[6]["messages"][1].pop("content")
    wrong[7]["messages"][4]["content"] += " Use AKIAIOSFODNN7EXAMPLE for the API."
    wrong[9]["messages"][2]["weight"] = 2
    write("support", "wrong.jsonl", lines(wrong))


SARCASM = [("What is the capital of France?", "Paris. It was on the news once or twice."),
           ("How many legs has a spider?", "Eight, unless it met your shoe."),
           ("Who wrote Hamlet?", "Some fellow called Shakespeare. He is quite well known, I hear."),
           ("How far is the Moon?", "About 384,400 kilometres. Pack a sandwich."),
           ("What is two plus two?", "Four. Do ask something hard when you are ready."),
           ("When did the Titanic sink?", "In 1912. They made a short film about it, only three hours."),
           ("Is water wet?", "Let me pour you some while you think about it."),
           ("What colour is the sky?", "Blue, on days when one bothers to look up."),
           ("How do I boil an egg?", "Hot water, an egg, and eight minutes of your busy life."),
           ("Who painted the Mona Lisa?", "Leonardo. The smile is about this question."),
           ("What is the largest ocean?", "The Pacific. Hard to miss, it covers a third of the planet."),
           ("What is the boiling point of water?", "A hundred degrees Celsius, as every kettle will tell you.")]
MARV = "Marv is a chatbot that is right and sarcastic about it."


def sarcasm():
    records = [chat(message("system", MARV), message("user", question), message("assistant", answer)) for question, answer in SARCASM]
    write("sarcastic", "right.jsonl", lines(records))
    wrong = json.loads(json.dumps(records[:8]))
    wrong[1]["messages"].pop()
    text = lines(wrong).splitlines()
    text[2] = text[2].replace("Some fellow", 'Some "fellow"')
    text[4] = text[4].replace("Four.", "Four.\t")
    text[4] = text[4].replace("\\t", "\t")
    text[5] = text[5] + ","
    write("sarcastic", "wrong.jsonl", "\n".join(text) + "\n")


HEADLINES = [("Rovers beat Harbour 3:1 in the rain", "Rovers", "football", "win"), ("Mira Koss breaks the lake record", "Mira Koss", "swimming", "record"),
             ("Two Kettles lose at home again", "Two Kettles", "hockey", "loss"), ("Ito signs for Osaka until 2030", "Ito", "baseball", "transfer"),
             ("Lund out for six weeks", "Lund", "tennis", "injury"), ("Passau draw with Linz after extra time", "Passau", "handball", "draw"),
             ("Adeyemi jumps 8.41 metres", "Adeyemi", "athletics", "record"), ("Rook Nine win the chess league", "Rook Nine", "chess", "win"),
             ("Gotland part ways with their coach", "Gotland", "football", "coach"), ("Novak retires at thirty-eight", "Novak", "rowing", "retirement"),
             ("Berg takes silver by a hair", "Berg", "skiing", "medal"), ("Cork postpone the final because of fog", "Cork", "rugby", "postponed")]


def headlines():
    records = [chat(message("system", "Turn the headline into JSON."), message("user", text),
                    message("assistant", json.dumps({"who": who, "sport": sport, "what": what})))
               for text, who, sport, what in HEADLINES]
    write("headlines", "right.jsonl", lines(records))
    text = [json.dumps(record) for record in records]
    text[1] = str(records[1])  # a Python dict
    text[3] = text[3][:-20]    # cut off
    text[6] = json.dumps({"messages": json.dumps(records[6]["messages"])})  # JSON in JSON
    text[8] = json.dumps([records[8]])
    text.append(text[0])
    write("headlines", "wrong.jsonl", "\n".join(text) + "\n")


CITIES = [("Lisbon", "celsius", 24), ("Oslo", "celsius", 4), ("Quito", "celsius", 17), ("Osaka", "celsius", 29), ("Cork", "celsius", 12),
          ("Leiden", "celsius", 11), ("Boston", "fahrenheit", 61), ("Dallas", "fahrenheit", 88), ("Miami", "fahrenheit", 90),
          ("Geneva", "celsius", 15), ("Tallinn", "celsius", 2), ("Linz", "celsius", 9)]
WEATHER = {"type": "function", "function": {"name": "get_weather", "description": "The weather now.", "parameters": {
    "type": "object", "properties": {"city": {"type": "string"}, "unit": {"type": "string", "enum": ["celsius", "fahrenheit"]}},
    "required": ["city", "unit"]}}}


def functions():
    records = []
    for number, (city, unit, degrees) in enumerate(CITIES):
        call = {"id": f"call_{number}", "type": "function",
                "function": {"name": "get_weather", "arguments": json.dumps({"city": city, "unit": unit})}}
        messages = [message("user", f"How warm is it in {city}?"), {"role": "assistant", "tool_calls": [call]}]
        if number % 3:  # every third ends with the call: that is what is learned
            messages += [{"role": "tool", "tool_call_id": call["id"], "content": json.dumps({"degrees": degrees})},
                         message("assistant", f"It is {degrees} degrees {unit.capitalize()} in {city}.")]
        records.append(chat(*messages, tools=[WEATHER], parallel_tool_calls=False))
    write("functions", "right.jsonl", lines(records))
    wrong = json.loads(json.dumps(records))
    wrong[1]["messages"][1]["tool_calls"][0]["function"]["arguments"] = {"city": "Oslo", "unit": "celsius"}
    wrong[2]["messages"][2]["tool_call_id"] = "call_99"
    del wrong[4]["messages"][2]
    wrong[5]["messages"][1]["tool_calls"][0]["function"]["arguments"] = "{'city': 'Leiden'}"
    wrong[7]["tools"] = [WEATHER["function"]]
    write("functions", "wrong.jsonl", lines(wrong))


def picture(pixels, color=2):
    """A PNG of 4 x 3 points: `color` 2 is RGB, 0 is gray."""
    def chunk(kind, data):
        return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")
    row = b"\0" + bytes(pixels) * 4
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", (4).to_bytes(4, "big") + (3).to_bytes(4, "big") + bytes([8, color, 0, 0, 0])) +
            chunk(b"IDAT", zlib.compress(row * 3)) + chunk(b"IEND", b""))


COLORS = [("red", (220, 20, 30)), ("green", (30, 160, 60)), ("blue", (20, 60, 200)), ("yellow", (240, 220, 40)), ("white", (250, 250, 250)),
          ("black", (5, 5, 5)), ("orange", (240, 140, 20)), ("violet", (130, 40, 180)), ("brown", (110, 70, 40)), ("pink", (240, 160, 190)),
          ("turquoise", (40, 200, 190)), ("grey", (128, 128, 128))]


def image(content, kind="png"):
    return {"type": "image_url", "image_url": {"url": f"data:image/{kind};base64," + base64.b64encode(content).decode(), "detail": "low"}}


def captions():
    def record(name, part):
        return chat(message("user", [{"type": "text", "text": "What do you see?"}, part]),
                    message("assistant", f"A plain {name} rectangle, nothing else."))
    records = [record(name, image(picture(pixels))) for name, pixels in COLORS]
    write("captions", "right.jsonl", lines(records))
    wrong = json.loads(json.dumps(records))
    wrong[0] = record("red", image(picture((90,), 0)))
    wrong[2] = record("blue", image(b"GIF89a\x01\x00\x01\x00\x00\x00\x00;", "gif"))
    wrong[4]["messages"][1]["content"] = [{"type": "text", "text": "Like this:"}, image(picture((9, 9, 9)))]
    wrong[6]["messages"][0]["content"][1]["image_url"]["detail"] = "sharp"
    wrong[8]["messages"][0]["content"][1]["image_url"]["url"] = "C:\\pictures\\brown.png"
    wrong[9]["messages"][0]["content"] += [image(picture((i, i, i))) for i in range(10)]
    wrong[11] = record("grey", {"type": "image_url", "image_url": {"url": "https://example.org/grey.png"}})
    write("captions", "wrong.jsonl", lines(wrong))


def main():
    for make in (ads, sentiment, emails, entities, products, support, sarcasm, headlines, functions, captions):
        make()


if __name__ == "__main__":
    main()
