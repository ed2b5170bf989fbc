// Asking a model over the API; shared by `chat` and `models compare`.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "cli/api_client.h"

namespace luthier::cli {

struct GenerateOptions {
  std::string model;
  int tokens_max = 256;
  double temperature = 0;
  double top_p = 1;
  std::int64_t seed = -1;  // negative: none
  bool apply_template = true;
};

// `asked`: {"prompt": text} or {"messages": [{"role", "content"}]}. {text, finish_reason, usage}. `on_text` gets the
// text as it comes.
[[nodiscard]] Result<Json> generate(ApiClient& api, const GenerateOptions& options, const Json& asked,
                                    const std::function<void(std::string_view)>& on_text);

}  // namespace luthier::cli
