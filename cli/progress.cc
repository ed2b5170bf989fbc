#include "cli/progress.h"

#include <algorithm>

namespace luthier::cli {
namespace {

constexpr std::int64_t kTellEveryMs = 5'000;
constexpr int kBarWidth = 24;
constexpr std::size_t kLiveLinesMax = 16;  // redrawn in place, so they must fit a small terminal

bool is_over(const std::string& status) {
  return status == "succeeded" || status == "failed" || status == "cancelled" || status == "skipped";
}

std::string padded(const std::string& text, std::size_t width) {
  const std::size_t columns = columns_of(text);
  return text + std::string(columns < width ? width - columns : 0, ' ');
}

std::size_t widest_name(const Json& run) {
  std::size_t width = 0;
  for (const Json& step : run.at("steps")) {
    width = std::max(width, columns_of(text_of(step, "id")));
  }
  return std::min<std::size_t>(width, 40);
}

const Json* newest_attempt(const Json& step) {
  const auto attempts = step.find("attempts");
  return attempts == step.end() || attempts->empty() ? nullptr : &attempts->back();
}

std::string agent_of(const Json& step) {
  const Json* attempt = newest_attempt(step);
  return attempt == nullptr ? std::string() : agents_of(*attempt);
}

std::string number_member(const Json& object, const std::string& name) {
  const auto found = object.is_object() ? object.find(name) : object.end();
  return object.is_object() && found != object.end() && found->is_number() ? format_number(found->get<double>())
                                                                           : std::string();
}

void append(std::string& text, const std::string& part, const char* separator = ", ") {
  if (!part.empty()) {
    text += (text.empty() ? "" : separator) + part;
  }
}

std::string metric_against(const Json& outputs, const std::string& name) {
  const std::string own = number_member(outputs.value("metrics", Json()), name);
  if (own.empty()) {
    return {};
  }
  std::string against;
  const std::string base = number_member(outputs.value("base_metrics", Json()), name);
  append(against, base.empty() ? "" : "base " + base);
  const std::string baseline = number_member(outputs.value("baseline_metrics", Json()), name);
  append(against, baseline.empty() ? "" : "in use " + baseline);
  return name + " " + own + (against.empty() ? "" : " (" + against + ")");
}

std::string eval_summary(const Json& outputs) {
  std::string text;
  for (const char* name : {"label_accuracy", "sequence_accuracy", "loss"}) {
    if (text.empty()) {
      text = metric_against(outputs, name);
    }
  }
  append(text, text_of(outputs, "reason"), "; ");
  return text;
}

std::string verdict(const Json& step, std::int64_t now_ms) {
  const std::string status = text_of(step, "status");
  const std::string reason = text_of(step, "reason");
  if (status == "skipped") {
    return reason.starts_with("skipped") ? reason : "skipped" + (reason.empty() ? "" : ": " + reason);
  }
  if (const std::string from = text_of(step, "cached_from"); !from.empty()) {
    const std::string more = summary_of(step);
    const Json cache = step.value("cache", Json());
    const bool taken = cache.is_object() && cache.contains("taken_from");
    return (taken ? "taken over from run " + text_of(cache, "taken_from") : "cached, from run " + from) +
           (more.empty() ? "" : "  " + more);
  }
  std::string text = status;
  if (const std::int64_t duration = duration_ms_of(step, now_ms); duration > 0) {
    text += (status == "succeeded" ? " in " : " after ") + format_duration(duration);
  }
  const std::string more = status == "succeeded" ? summary_of(step) : reason;
  return text + (more.empty() ? "" : (status == "succeeded" ? "  " : ": ") + more);
}

std::string attempt_ended_text(const Json& attempt) {
  std::string text =
      "attempt " + text_of(attempt, "number") + " on " + agents_of(attempt) + " ended: " + text_of(attempt, "status");
  const std::string message = text_of(attempt, "error_message");
  return text + (message.empty() ? "" : " (" + message + ")") + "; trying again";
}

}  // namespace

std::int64_t duration_ms_of(const Json& step, std::int64_t now_ms) {
  const auto started = parse_utc(text_of(step, "started_at"));
  if (!started) {
    return 0;
  }
  return std::max<std::int64_t>(0, parse_utc(text_of(step, "finished_at")).value_or(now_ms) - *started);
}

// What the settings that the file left to `auto` became: "auto n_epochs 3, batch_size 16"; empty when there are none.
std::string automatic_settings(const Json& step, const Json& outputs) {
  const Json used = outputs.value("hyperparameters", Json());
  const Json with = step.value("with", Json());
  const Json method = with.is_object() ? with.value("method", Json()) : Json();
  std::string text;
  for (auto given = method.begin(); method.is_object() && given != method.end(); ++given) {
    for (const char* name : {"n_epochs", "batch_size", "learning_rate_multiplier"}) {
      const std::string value = used.is_object() ? number_member(used, name) : "";
      if (given->is_object() && given->value(name, Json()) == "auto" && !value.empty()) {
        append(text, (text.empty() ? "auto " : "") + std::string(name) + " " + value);
      }
    }
  }
  return text;
}

std::string summary_of(const Json& step) {
  const Json outputs = step.value("outputs", Json());
  const std::string uses = text_of(step, "uses");
  if (!outputs.is_object()) {
    return {};
  }
  std::string text;
  if (uses == "prepare" && outputs.contains("rows") && outputs["rows"].is_object()) {
    const std::string kept = number_member(outputs["rows"], "kept");
    const std::string read = number_member(outputs["rows"], "read");
    return kept.empty() || read.empty() ? "" : "kept " + kept + " of " + read + " rows";
  }
  if (uses == "pack") {
    const std::string rows = number_member(outputs, "rows");
    const std::string samples = number_member(outputs, "samples");
    return rows.empty() || samples.empty() ? "" : samples + " samples in " + rows + " rows";
  }
  if (uses == "train") {
    const std::string steps = number_member(outputs, "steps");
    append(text, steps.empty() ? "" : steps + " steps");
    for (const char* name : {"train_loss", "full_valid_loss"}) {
      const std::string value = number_member(outputs, name);
      append(text, value.empty() ? "" : std::string(name) + " " + value);
    }
    append(text, automatic_settings(step, outputs), "; ");
    return text;
  }
  if (uses == "checkpoint") {
    const std::string metric = text_of(outputs, "metric");
    const std::string value = number_member(outputs.value("metrics", Json()), metric);
    const std::string at = number_member(outputs, "step");
    return at.empty() ? "" : "chose step " + at + (value.empty() ? "" : ", " + metric + " " + value);
  }
  if (uses == "eval") {
    return eval_summary(outputs);
  }
  if (uses == "approve") {
    const std::string comment = text_of(outputs, "comment");
    return "approved by " + text_of(outputs, "by") + (comment.empty() ? "" : ": " + cut(comment, 100));
  }
  if (uses == "notify") {
    return cut(text_of(outputs, "message"), 100);
  }
  if (uses == "register" || uses == "promote") {
    const std::string alias = text_of(outputs, "alias");
    append(text, text_of(outputs, "name"));
    text += alias.empty() ? "" : "@" + alias;
    const std::string version = text_of(outputs, "version");
    return text + (version.empty() ? "" : " is version " + version);
  }
  return {};
}

std::string progress_text(const Json& progress, bool with_bar) {
  if (!progress.is_object()) {
    return {};
  }
  const double done = progress.contains("done") && progress["done"].is_number() ? progress["done"].get<double>() : 0;
  const double total =
      progress.contains("total") && progress["total"].is_number() ? progress["total"].get<double>() : 0;
  std::string text;
  if (with_bar && total > 0) {
    text = format_bar(done / total, kBarWidth) + " ";
  }
  text += format_number(done) + (total > 0 ? "/" + format_number(total) : "");
  append(text, text_of(progress, "unit"), " ");
  const std::string loss = number_member(progress, "loss");
  append(text, loss.empty() ? "" : "loss " + loss, "  ");
  const std::string speed = number_member(progress, "tokens_per_second");
  append(text, speed.empty() ? "" : speed + " tokens/s", "  ");
  if (progress.contains("eta_seconds") && progress["eta_seconds"].is_number()) {
    append(text, format_clock(static_cast<std::int64_t>(progress["eta_seconds"].get<double>())) + " left", "  ");
  }
  return text;
}

std::vector<std::string> RunProgress::news(const Json& run, std::int64_t now_ms) {
  std::vector<std::string> lines;
  const std::size_t width = widest_name(run);
  for (const Json& step : run.at("steps")) {
    news_of_step(step, now_ms, width, lines);
  }
  return lines;
}

void RunProgress::news_of_step(const Json& step, std::int64_t now_ms, std::size_t name_width,
                               std::vector<std::string>& lines) {
  Seen& seen = seen_[text_of(step, "id")];
  const std::string name = padded(text_of(step, "id"), name_width) + "  ";
  const std::string status = text_of(step, "status");
  const Json attempts = step.value("attempts", Json::array());
  const bool over = is_over(status);
  std::size_t ended = 0;
  for (const Json& attempt : attempts) {
    const bool is_last = &attempt == &attempts.back();
    if (text_of(attempt, "ended_at").empty() || (over && is_last)) {
      break;
    }
    if (++ended > seen.attempts_ended) {
      lines.push_back(name + attempt_ended_text(attempt));
    }
  }
  seen.attempts_ended = std::max(seen.attempts_ended, ended);
  const bool changed = status != seen.status;
  seen.status = status;
  if (changed && over) {
    lines.push_back(name + verdict(step, now_ms));
    return;
  }
  if (options_.terminal) {
    return;
  }
  if (changed && status == "running") {
    lines.push_back(name + "running on " + agent_of(step));
    seen.told_ms = now_ms;
  } else if (status == "running" && now_ms - seen.told_ms >= kTellEveryMs) {
    seen.told_ms = now_ms;
    if (const std::string text = progress_text(step.value("progress", Json()), false); !text.empty()) {
      lines.push_back(name + text);
    }
  } else if (status == "ready" && text_of(step, "reason") != seen.told_reason) {
    seen.told_reason = text_of(step, "reason");
    if (!seen.told_reason.empty()) {
      lines.push_back(name + seen.told_reason);
    }
  }
}

std::vector<std::string> RunProgress::live(const Json& run, std::int64_t now_ms) const {
  std::vector<std::string> lines;
  if (!options_.terminal) {
    return lines;
  }
  std::size_t more = 0;
  const std::size_t width = widest_name(run);
  for (const Json& step : run.at("steps")) {
    const std::string status = text_of(step, "status");
    std::string line = padded(text_of(step, "id"), width) + "  ";
    if (status == "running") {
      const std::string progress = progress_text(step.value("progress", Json()), true);
      line += progress.empty() ? "running on " + agent_of(step) + "  " + format_duration(duration_ms_of(step, now_ms))
                               : progress;
    } else if (status == "assigned") {
      line += "starting on " + agent_of(step);
    } else if (status == "ready") {
      line += text_of(step, "reason").empty() ? "ready" : text_of(step, "reason");
    } else {
      continue;
    }
    if (lines.size() == kLiveLinesMax) {
      ++more;
      continue;
    }
    lines.push_back(cut(line, static_cast<std::size_t>(std::max(20, options_.width - 1))));
  }
  if (more > 0) {
    lines.push_back("and " + std::to_string(more) + " more steps");
  }
  return lines;
}

}  // namespace luthier::cli
