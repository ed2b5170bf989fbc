// bench_tokenize TOKENIZER FILE THREADS REPEATS: our side of bench/tokenize.py. Every line of FILE is a text; thread T
// of N takes every Nth block of lines. Prints one JSON object: processor's and wall seconds of each repeat, tokens,
// bytes, peak memory.
#include <chrono>
#include <ctime>
#include <fstream>
#include <iostream>
#include <string>
#include <thread>
#include <vector>

#include "base/file.h"
#include "pipelines/text/tokenizer.h"

namespace luthier::text {
namespace {

using Seconds = std::chrono::duration<double>;

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    lines.push_back(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return lines;
}

std::size_t encode_share(const Tokenizer& tokenizer, const std::vector<std::string_view>& lines, std::size_t thread,
                         std::size_t threads) {
  constexpr std::size_t kBlock = 256;
  Encoder encoder(tokenizer);
  std::vector<TokenId> ids;
  std::size_t count = 0;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (i / kBlock % threads == thread) {
      ids.clear();
      if (!encoder.encode(lines[i], {}, ids)) {
        std::cerr << "line " << i + 1 << " is not UTF-8\n";
        std::exit(1);
      }
      count += ids.size();
    }
  }
  return count;
}

// Of this program alone: what getrusage() says begins with the memory of the process that started it.
std::string peak_kib() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmHWM:")) {
      return line.substr(line.find_first_of("0123456789"), line.find(" kB") - line.find_first_of("0123456789"));
    }
  }
  return "null";
}

struct Spent {
  double processor = 0;  // seconds, of all threads
  double wall = 0;
};

double processor_seconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

Spent encode_all(const Tokenizer& tokenizer, const std::vector<std::string_view>& lines, std::size_t threads,
                 std::size_t& tokens) {
  const auto begin = std::chrono::steady_clock::now();
  const double processor = processor_seconds();
  std::vector<std::size_t> counts(threads);
  std::vector<std::thread> workers;
  for (std::size_t thread = 0; thread < threads; ++thread) {
    workers.emplace_back([&, thread] { counts[thread] = encode_share(tokenizer, lines, thread, threads); });
  }
  for (std::thread& worker : workers) {
    worker.join();
  }
  tokens = 0;
  for (const std::size_t count : counts) {
    tokens += count;
  }
  return {processor_seconds() - processor, Seconds(std::chrono::steady_clock::now() - begin).count()};
}

}  // namespace
}  // namespace luthier::text

int main(int argc, char** argv) {
  using namespace luthier::text;
  if (argc != 5) {
    std::cerr << "usage: bench_tokenize TOKENIZER FILE THREADS REPEATS\n";
    return 2;
  }
  const auto begin = std::chrono::steady_clock::now();
  const auto tokenizer = Tokenizer::load(argv[1]);
  const double load = Seconds(std::chrono::steady_clock::now() - begin).count();
  const auto text = luthier::read_file(argv[2], std::uint64_t{1} << 32);
  if (!tokenizer || !text) {
    std::cerr << (tokenizer ? text.error().message : tokenizer.error().message) << '\n';
    return 1;
  }
  const auto lines = lines_of(*text);
  std::size_t tokens = 0;
  std::cout << "{\"load_seconds\": " << load << ", \"seconds\": [";
  std::string wall;
  for (int repeat = 0; repeat < std::stoi(argv[4]); ++repeat) {
    const Spent spent = encode_all(*tokenizer, lines, std::stoul(argv[3]), tokens);
    std::cout << (repeat == 0 ? "" : ", ") << spent.processor;
    wall += (repeat == 0 ? "" : ", ") + std::to_string(spent.wall);
  }
  std::cout << "], \"wall_seconds\": [" << wall << "], \"tokens\": " << tokens << ", \"bytes\": " << text->size()
            << ", \"peak_kib\": " << luthier::text::peak_kib() << "}\n";
}
