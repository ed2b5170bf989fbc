#include "cli/compare_page.h"

#include <algorithm>
#include <array>
#include <cstdio>

namespace luthier::cli {
namespace {

constexpr const char* kHead = R"(<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="generator" content="luthier models compare">
)";

constexpr const char* kStyle = R"(<style>
:root { --page: #fbfaf8; --card: #fff; --ink: #1d1c1a; --quiet: #6a665f; --line: #e2ded6; --soft: #f3f0ea;
  --first: #b4540a; --second: #0f6b8f; --good: #1a7f45; --bad: #b3261e; }
@media (prefers-color-scheme: dark) {
  :root { --page: #16171a; --card: #1e2024; --ink: #e9e7e2; --quiet: #a29e95; --line: #34373d; --soft: #25282d;
    --first: #f0a35e; --second: #6cc3e6; --good: #62cf8d; --bad: #ff8a80; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink);
  font: 15px/1.5 system-ui, "Segoe UI", "DejaVu Sans", sans-serif; }
main { max-width: 1080px; margin: 0 auto; padding: 32px 24px 64px; }
h1 { font-size: 25px; line-height: 1.25; margin: 0 0 4px; }
h2 { font-size: 17px; margin: 36px 0 10px; }
h1 .first, th.first, .side .first { color: var(--first); }
h1 .second, th.second, .side .second { color: var(--second); }
h1 .and { color: var(--quiet); font-weight: 400; }
.quiet, figcaption { color: var(--quiet); }
.verdict { margin: 20px 0 0; padding: 14px 18px; background: var(--card); border: 1px solid var(--line);
  border-left: 5px solid var(--quiet); border-radius: 8px; font-size: 16px; }
.verdict.better { border-left-color: var(--good); }
.verdict.worse { border-left-color: var(--bad); }
.scroll { overflow-x: auto; background: var(--card); border: 1px solid var(--line); border-radius: 8px; }
table { border-collapse: collapse; width: 100%; }
th, td { padding: 8px 14px; text-align: right; border-bottom: 1px solid var(--line); white-space: nowrap;
  font-variant-numeric: tabular-nums; }
th { font-size: 13px; font-weight: 600; color: var(--quiet); overflow-wrap: anywhere; }
th:first-child, td:first-child { text-align: left; }
tr:last-child td { border-bottom: 0; }
svg { display: block; width: 190px; height: 26px; margin-left: auto; }
.filter { position: absolute; opacity: 0; }
.filters { display: flex; flex-wrap: wrap; gap: 8px; margin-bottom: 14px; }
.filters label { padding: 4px 12px; border: 1px solid var(--line); border-radius: 99px; background: var(--card);
  color: var(--quiet); cursor: pointer; }
#all:checked ~ .filters [for=all], #differ:checked ~ .filters [for=differ], #better:checked ~ .filters [for=better],
#worse:checked ~ .filters [for=worse] { background: var(--ink); border-color: var(--ink); color: var(--page); }
.filter:focus-visible ~ .filters { outline: 2px solid var(--second); outline-offset: 3px; border-radius: 99px; }
#differ:checked ~ .sample.equal, #better:checked ~ .sample:not(.better), #worse:checked ~ .sample:not(.worse) {
  display: none; }
.sample { margin: 0 0 14px; background: var(--card); border: 1px solid var(--line); border-radius: 8px;
  overflow: hidden; break-inside: avoid; }
.sample header { display: flex; justify-content: space-between; gap: 12px; padding: 6px 14px; font-size: 13px;
  color: var(--quiet); background: var(--soft); border-bottom: 1px solid var(--line); }
.asked { padding: 10px 14px 12px; border-bottom: 1px solid var(--line); }
.sides { display: grid; grid-template-columns: 1fr 1fr; }
.side { padding: 10px 14px 12px; min-width: 0; }
.side + .side { border-left: 1px solid var(--line); }
.name { font-size: 12px; font-weight: 600; color: var(--quiet); overflow-wrap: anywhere; }
pre { margin: 2px 0 0; font: 14px/1.45 ui-monospace, "DejaVu Sans Mono", monospace; white-space: pre-wrap;
  overflow-wrap: anywhere; unicode-bidi: plaintext; max-height: 22em; overflow-y: auto; }
pre + .name { margin-top: 8px; }
.good { color: var(--good); } .bad { color: var(--bad); }
.tag { font-weight: 600; }
@media (max-width: 640px) { .sides { grid-template-columns: 1fr; }
  .side + .side { border-left: 0; border-top: 1px solid var(--line); } main { padding: 20px 14px 48px; } }
@media print { .filters { display: none; } pre { max-height: none; } }
</style>
)";

std::string element(const std::string& name, const std::string& attributes, const std::string& content) {
  return "<" + name + (attributes.empty() ? "" : " " + attributes) + ">" + content + "</" + name + ">";
}

std::string number(const Json& value) { return value.is_number() ? format_number(value.get<double>()) : "–"; }

std::string coordinate(double value) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.1f", value);
  return text.data();
}

// The interval as a bar around its point, with a line at no difference.
std::string interval_picture(const ScoreRow& row) {
  constexpr double kWidth = 190;
  const double reach = std::max({std::abs(row.low), std::abs(row.high), 1e-9}) * 1.08;
  const auto x = [&](double value) { return coordinate(kWidth / 2 + value / reach * (kWidth / 2 - 6)); };
  const std::string color = row.low > 0 ? "var(--good)" : row.high < 0 ? "var(--bad)" : "var(--quiet)";
  return "<svg viewBox=\"0 0 190 26\" role=\"img\" aria-label=\"interval of the difference\">"
         "<line x1=\"95\" y1=\"2\" x2=\"95\" y2=\"24\" stroke=\"var(--line)\" stroke-width=\"2\"/>"
         "<line x1=\"" +
         x(row.low) + "\" y1=\"13\" x2=\"" + x(row.high) + "\" y2=\"13\" stroke=\"" + color +
         "\" stroke-width=\"5\" stroke-linecap=\"round\" opacity=\"0.45\"/>"
         "<circle cx=\"" +
         x(row.difference) + "\" cy=\"13\" r=\"5\" fill=\"" + color + "\"/></svg>";
}

std::string row_of(const std::vector<std::string>& cells, const std::string& name) {
  std::string row;
  for (const std::string& cell : cells) {
    row += element(name, "", cell);
  }
  return element("tr", "", row);
}

std::string heading(const Comparison& given, const std::string& what, const std::vector<std::string>& more) {
  std::string row = element("th", "", what) + element("th", "class=\"first\"", escape_html(given.first)) +
                    element("th", "class=\"second\"", escape_html(given.second));
  for (const std::string& each : more) {
    row += element("th", "", each);
  }
  return element("tr", "", row);
}

std::string table(const std::string& rows) {
  return element("div", "class=\"scroll\"", element("table", "", "\n" + rows)) + "\n";
}

std::string scores_section(const Comparison& given) {
  if (given.scores.empty()) {
    return {};
  }
  const ScoreRow& best = given.scores.front();
  const std::string share = format_number(100 * best.confidence) + "%";
  std::string rows =
      heading(given, "Score", {"Difference", share + " interval", "Worse ← 0 → better&nbsp;&nbsp;&nbsp;"}) + "\n";
  for (const ScoreRow& row : given.scores) {
    rows += row_of({escape_html(row.name), format_number(row.first), format_number(row.second),
                    format_number(row.difference), format_number(row.low) + " to " + format_number(row.high),
                    interval_picture(row)},
                   "td") +
            "\n";
  }
  const char* tone = best.low > 0 ? "verdict better" : best.high < 0 ? "verdict worse" : "verdict";
  return element("p", std::string("class=\"") + tone + "\"",
                 escape_html(verdict_sentence(best, given.first, given.second))) +
         "\n<h2>Scores of the answers</h2>\n" + table(rows) +
         element("p", "class=\"quiet\"",
                 "The interval holds the difference in " + share +
                     " of 10,000 draws of these examples, both models on the same draw (paired bootstrap). An exact "
                     "match is an answer that is what was expected; word overlap is the F1 of their words.") +
         "\n";
}

std::string metrics_section(const Comparison& given) {
  if (given.metrics.empty()) {
    return {};
  }
  std::string rows = heading(given, "Metric", {"Difference"}) + "\n";
  for (const MetricRow& row : given.metrics) {
    const bool both = row.first.is_number() && row.second.is_number();
    rows += row_of({escape_html(row.name), number(row.first), number(row.second),
                    both ? format_number(row.second.get<double>() - row.first.get<double>()) : ""},
                   "td") +
            "\n";
  }
  return "<h2>Metrics of their evaluations</h2>\n" + table(rows);
}

std::string text_block(const std::string& name, const std::string& style, const std::string& text) {
  return element("div", "class=\"name " + style + "\"", name) +
         element("pre", "dir=\"auto\"", text.empty() ? "<span class=\"quiet\">(nothing)</span>" : escape_html(text));
}

std::string side(const Comparison& given, const Answers& answers, bool is_first) {
  const std::string& text = is_first ? answers.first : answers.second;
  std::string name = escape_html(is_first ? given.first : given.second);
  if (answers.scored()) {
    const bool right = exact_match(text, answers.expected) == 1;
    name += right ? " <span class=\"good\">✓ as expected</span>"
                  : " <span class=\"bad\">✗</span> overlap " + format_number(word_overlap(text, answers.expected));
  }
  return element("div", "class=\"side\"", text_block(name, is_first ? "first" : "second", text));
}

std::string sample(const Comparison& given, const Answers& answers, std::size_t number_of) {
  const Verdict verdict = answers.verdict();
  std::string tag;
  std::string style = answers.differ() ? "sample" : "sample equal";
  if (verdict == Verdict::kSecond) {
    style += " better";
    tag = element("span", "class=\"tag good\"", escape_html(given.second) + " better");
  } else if (verdict == Verdict::kFirst) {
    style += " worse";
    tag = element("span", "class=\"tag bad\"", escape_html(given.second) + " worse");
  } else {
    tag = element("span", "", answers.differ() ? "different answers" : "the same answer");
  }
  return element("article", "class=\"" + style + "\"",
                 element("header", "", element("span", "", "#" + std::to_string(number_of)) + tag) +
                     element("div", "class=\"asked\"",
                             text_block("Prompt", "", answers.prompt) +
                                 (answers.scored() ? text_block("Expected", "", answers.expected) : "")) +
                     element("div", "class=\"sides\"", side(given, answers, true) + side(given, answers, false))) +
         "\n";
}

std::string samples_section(const Comparison& given) {
  if (given.answers.empty()) {
    return {};
  }
  std::string filters;
  std::string labels;
  const auto filter = [&](const char* id, const char* text, auto holds) {
    const bool first = filters.empty();
    filters += "<input class=\"filter\" type=\"radio\" name=\"show\" id=\"";
    filters += id;
    filters += first ? "\" checked>" : "\">";
    labels += element("label", std::string("for=\"") + id + "\"",
                      std::string(text) + " (" + std::to_string(std::ranges::count_if(given.answers, holds)) + ")");
  };
  filter("all", "All", [](const Answers&) { return true; });
  filter("differ", "Different", [](const Answers& each) { return each.differ(); });
  filter("better", "Better", [](const Answers& each) { return each.verdict() == Verdict::kSecond; });
  filter("worse", "Worse", [](const Answers& each) { return each.verdict() == Verdict::kFirst; });
  std::string section = "<h2>Answers side by side</h2>\n<section>\n" + filters + "\n" +
                        element("div", "class=\"filters\"", labels) + "\n";
  for (std::size_t i = 0; i < given.answers.size(); ++i) {
    section += sample(given, given.answers[i], i + 1);
  }
  return section + "</section>\n";
}

}  // namespace

std::string escape_html(std::string_view text) {
  std::string safe;
  for (const char character : text) {
    switch (character) {
      case '&': safe += "&amp;"; break;
      case '<': safe += "&lt;"; break;
      case '>': safe += "&gt;"; break;
      case '"': safe += "&quot;"; break;
      case '\'': safe += "&#39;"; break;
      case '\n':
      case '\t': safe += character; break;
      default:
        safe += static_cast<unsigned char>(character) < 0x20 || character == 0x7f ? std::string("\xEF\xBF\xBD")
                                                                                  : std::string(1, character);
    }
  }
  return safe;
}

std::string comparison_page(const Comparison& given) {
  const std::string first = escape_html(given.first);
  const std::string second = escape_html(given.second);
  const std::string about = given.answers.empty()
                                ? "No questions were asked."
                                : std::to_string(given.answers.size()) +
                                      (given.answers.size() == 1 ? " question" : " questions") + " of " +
                                      escape_html(given.source) + ", each answered by both with the likeliest tokens.";
  return kHead + element("title", "", first + " and " + second) + "\n" + kStyle + "</head>\n<body>\n<main>\n" +
         element("h1", "",
                 "<span class=\"first\">" + first + "</span> <span class=\"and\">and</span> <span class=\"second\">" +
                     second + "</span>") +
         "\n" + element("p", "class=\"quiet\"", about) + "\n" + scores_section(given) + metrics_section(given) +
         samples_section(given) + "</main>\n</body>\n</html>\n";
}

}  // namespace luthier::cli
