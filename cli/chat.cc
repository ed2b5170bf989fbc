#include "cli/chat.h"

#include <unistd.h>

#include <cstdio>
#include <iostream>
#include <iterator>

#include "cli/terminal.h"

namespace luthier::cli {
namespace {

constexpr std::size_t kPromptBytesMax = 1024 * 1024;

// Printed as it comes; a newline at the end if it has none.
int answer(const GlobalOptions& options, ApiClient& api, const GenerateOptions& generate_options,
           const std::string& prompt) {
  char last = '\n';
  const Result<Json> answered = generate(api, generate_options, Json{{"prompt", prompt}}, [&](std::string_view text) {
    if (!options.json && !text.empty()) {
      std::fwrite(text.data(), 1, text.size(), stdout);
      std::fflush(stdout);
      last = text.back();
    }
  });
  if (!options.json && last != '\n') {
    std::fputc('\n', stdout);
  }
  if (!answered) {
    return report(answered.error());
  }
  if (options.json) {
    std::printf("%s\n", answered->dump(2, ' ', false, Json::error_handler_t::replace).c_str());
  }
  std::fflush(stdout);
  return kExitSuccess;
}

int loop(const GlobalOptions& options, ApiClient& api, const GenerateOptions& generate_options) {
  std::fprintf(stderr, "%s; each question stands alone; Ctrl-D ends\n", generate_options.model.c_str());
  int status = kExitSuccess;
  std::string line;
  while (std::fprintf(stderr, "> "), std::getline(std::cin, line)) {
    if (line.find_first_not_of(" \t\r") != std::string::npos) {
      status = answer(options, api, generate_options, line);
    }
    if (status == kExitUnreachable) {
      return status;
    }
  }
  std::fputc('\n', stderr);
  return status;
}

}  // namespace

int chat_command(const GlobalOptions& options, const ChatOptions& given) {
  Result<ApiClient> api = connect(options);
  if (!api) {
    return report(api.error());
  }
  if (!given.prompt && is_terminal(STDIN_FILENO)) {
    return loop(options, *api, given.generate);
  }
  std::string prompt;
  if (given.prompt) {
    prompt = *given.prompt;
  } else {
    prompt.assign(std::istreambuf_iterator<char>(std::cin), {});
    while (!prompt.empty() && (prompt.back() == '\n' || prompt.back() == '\r')) {
      prompt.pop_back();
    }
  }
  if (prompt.empty() || prompt.size() > kPromptBytesMax) {
    return report(Error{ErrorCode::kInvalidArgument, "the prompt must have from 1 byte to 1 MiB"});
  }
  return answer(options, *api, given.generate, prompt);
}

}  // namespace luthier::cli
