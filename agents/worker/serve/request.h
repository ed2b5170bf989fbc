// The serving socket's lines (docs/worker-protocol.md, Serving): what comes in, checked, and what goes out. Pure.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "agents/worker/serve/sampler.h"
#include "base/result.h"
#include "pipelines/text/chat/chat_template.h"

namespace luthier::worker {

struct GenerateRequest {
  std::string id;
  std::string prompt;   // of a request with `messages`: empty
  text::ChatJson chat;  // {"messages": …, "tools": …}; null for a prompt
  std::int64_t max_tokens = 64;
  SamplingOptions sampling;
  std::vector<std::string> stop;
  bool apply_template = false;  // default: true for `messages`, false for `prompt`
};

struct CancelRequest {
  std::string id;
};

using Request = std::variant<GenerateRequest, CancelRequest>;

struct RequestError {
  std::string id;  // of the line that is wrong; may be empty
  std::string message;
};

// One line. The prompt is at most 1 MiB, stop strings at most 16 of 256 bytes each.
[[nodiscard]] std::variant<Request, RequestError> parse_request(std::string_view line);

struct Usage {
  std::int64_t prompt_tokens = 0;
  std::int64_t completion_tokens = 0;
};

// The texts of a conversation, joined with newlines: for models without a chat template. kInvalidArgument where a
// message has something other than text.
[[nodiscard]] Result<std::string> joined_messages(const text::ChatJson& chat);

// Each with its newline.
[[nodiscard]] std::string delta_line(const std::string& id, const std::string& text);
[[nodiscard]] std::string done_line(const std::string& id, std::string_view finish_reason, const Usage& usage);
[[nodiscard]] std::string error_line(const std::string& id, std::string_view code, std::string_view message);

}  // namespace luthier::worker
