#include "pipelines/data/check/content_scan.h"

#include <algorithm>
#include <array>
#include <bitset>
#include <cstdint>
#include <string>

namespace luthier::data::check {
namespace {

bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_word(char c) { return is_upper(c) || is_lower(c) || is_digit(c) || c == '_' || c == '-'; }

// A prefix that secrets of one kind have, and how many characters of a key must follow it.
struct SecretForm {
  std::string_view prefix;
  std::size_t more;
  std::string_view kind;
};
constexpr std::array kSecrets{
    SecretForm{"AKIA", 16, "an AWS access key"},   SecretForm{"ASIA", 16, "an AWS access key"},
    SecretForm{"sk-", 20, "an API key (sk-…)"},    SecretForm{"sk_live_", 16, "a payment service's key"},
    SecretForm{"ghp_", 36, "a GitHub token"},      SecretForm{"gho_", 36, "a GitHub token"},
    SecretForm{"ghs_", 36, "a GitHub token"},      SecretForm{"github_pat_", 40, "a GitHub token"},
    SecretForm{"glpat-", 20, "a GitLab token"},    SecretForm{"xoxb-", 20, "a Slack token"},
    SecretForm{"xoxp-", 20, "a Slack token"},      SecretForm{"AIza", 35, "a Google API key"},
    SecretForm{"hf_", 30, "a model hub's token"},  SecretForm{"eyJ", 40, "a signed token (JWT)"},
    SecretForm{"-----BEGIN ", 0, "a private key"},
};

// The first two bytes of everything looked for, so that most positions cost one look.
class FirstBytes {
 public:
  FirstBytes() {
    for (const SecretForm& form : kSecrets) {
      add(form.prefix[0], form.prefix[1]);
    }
    for (const char* damage : {"\xc3\x83", "\xc3\x82", "\xc3\xa2", "\xef\xbf"}) {
      add(damage[0], damage[1]);
    }
    for (int c = 0; c < 256; ++c) {
      add('@', static_cast<char>(c));
    }
  }
  [[nodiscard]] bool has(char first, char second) const { return bits_[index(first, second)]; }

 private:
  static std::size_t index(char first, char second) {
    return (static_cast<std::size_t>(static_cast<unsigned char>(first)) << 8) | static_cast<unsigned char>(second);
  }
  void add(char first, char second) { bits_[index(first, second)] = true; }
  std::bitset<65536> bits_;
};
const FirstBytes kFirstBytes;

std::string_view secret_at(std::string_view text, std::size_t at) {
  const std::string_view rest = text.substr(at);
  for (const SecretForm& form : kSecrets) {
    if (!rest.starts_with(form.prefix)) {
      continue;
    }
    if (form.more == 0) {
      return rest.substr(0, 60).find("PRIVATE KEY-----") != std::string_view::npos ? form.kind : std::string_view();
    }
    if (at > 0 && is_word(text[at - 1])) {
      continue;  // inside a longer word: "task-…"
    }
    std::string_view key = rest.substr(form.prefix.size());
    const auto end = std::find_if_not(key.begin(), key.end(), is_word);
    key = key.substr(0, static_cast<std::size_t>(end - key.begin()));
    // Keys mix digits and letters; sentences written with hyphens do not.
    const bool mixed = std::any_of(key.begin(), key.end(), is_digit) &&
                       std::any_of(key.begin(), key.end(), [](char c) { return is_upper(c) || is_lower(c); });
    if (key.size() >= form.more && mixed) {
      return form.kind;
    }
  }
  return {};
}

// Around the @ at `at`: NAME@HOST.TLD.
std::string_view email_at(std::string_view text, std::size_t at) {
  const auto is_name = [](char c) { return is_word(c) || c == '.' || c == '+' || c == '%'; };
  std::size_t begin = at;
  while (begin > 0 && at - begin < 64 && is_name(text[begin - 1])) {
    --begin;
  }
  std::size_t end = at + 1;
  std::size_t last_dot = 0;
  while (end < text.size() && end - at < 255 && (is_word(text[end]) || text[end] == '.')) {
    last_dot = text[end] == '.' ? end : last_dot;
    ++end;
  }
  if (last_dot + 1 == end && last_dot > 0) {  // a full stop behind the address
    --end;
    const std::size_t dot = text.substr(0, end).rfind('.');
    last_dot = dot != std::string_view::npos && dot > at ? dot : 0;
  }
  const bool ends_in_letters =
      last_dot > at + 1 && end - last_dot > 2 &&
      std::all_of(text.begin() + static_cast<std::ptrdiff_t>(last_dot) + 1,
                  text.begin() + static_cast<std::ptrdiff_t>(end), [](char c) { return is_upper(c) || is_lower(c); });
  return begin < at && ends_in_letters ? text.substr(begin, end - begin) : std::string_view();
}

// UTF-8 read as Windows-1252 or Latin-1 and written as UTF-8 again ("Ã©", "â€™", "Â "), or U+FFFD.
std::string_view damage_at(std::string_view text, std::size_t at) {
  const std::string_view rest = text.substr(at);
  if (rest.starts_with("\xef\xbf\xbd")) {
    return rest.substr(0, 3);
  }
  if (rest.starts_with("\xc3\xa2\xe2\x82\xac")) {  // â€
    return rest.substr(0, 5);
  }
  const bool two = rest.size() >= 4 && rest[0] == '\xc3' && (rest[1] == '\x83' || rest[1] == '\x82') &&
                   rest[2] == '\xc2' && static_cast<unsigned char>(rest[3]) >= 0xa0;
  return two ? rest.substr(0, 4) : std::string_view();
}

}  // namespace

void scan_content(std::string_view text, ContentMarks& marks) {
  for (std::size_t i = 0; i + 1 < text.size(); ++i) {
    if (!kFirstBytes.has(text[i], text[i + 1])) {
      continue;
    }
    if (text[i] == '@') {
      if (marks.email_address.empty()) {
        marks.email_address = email_at(text, i);
      }
    } else if (static_cast<unsigned char>(text[i]) >= 0x80) {
      if (marks.damage.empty()) {
        marks.damage = damage_at(text, i);
      }
    } else if (marks.secret.empty()) {
      marks.secret = secret_at(text, i);
    }
  }
}

bool is_refusal(std::string_view answer) {
  constexpr std::array<std::string_view, 15> kStarts{
      "i'm sorry, but",   "i am sorry, but", "i'm sorry, i can", "sorry, but i can", "sorry, i can",
      "i apologize, but", "i can't help",    "i cannot help",    "i can't assist",   "i cannot assist",
      "i'm unable to",    "i am unable to",  "i cannot provide", "as an ai ",        "as an ai,"};
  std::string start(answer.substr(std::min(answer.find_first_not_of(" \t\r\n"), answer.size()), 64));
  constexpr std::string_view kApostrophe = "\xe2\x80\x99";
  for (std::size_t at = start.find(kApostrophe); at != std::string::npos; at = start.find(kApostrophe, at)) {
    start.replace(at, kApostrophe.size(), 1, '\'');
  }
  std::transform(start.begin(), start.end(), start.begin(),
                 [](char c) { return is_upper(c) ? static_cast<char>(c - 'A' + 'a') : c; });
  return std::any_of(kStarts.begin(), kStarts.end(), [&](std::string_view known) { return start.starts_with(known); });
}

}  // namespace luthier::data::check
