#include "agents/run/command_step.h"

#include "base/file.h"
#include "pipelines/artifact/manifest.h"

namespace luthier::agents {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t kValuesBytesMax = 1 << 20;

Error invalid(std::string message) { return Error{ErrorCode::kInvalidArgument, std::move(message)}; }

// "./a//b/" -> "a/b"; kInvalidArgument when it does not lie below where it starts.
Result<std::string> plain_path(const std::string& key, const Json& value) {
  const std::string text = value.is_string() ? value.get<std::string>() : value.dump();
  std::string plain = fs::path(text).lexically_normal().generic_string();
  while (plain.size() > 1 && plain.ends_with('/')) {
    plain.pop_back();
  }
  if (plain != "." && !artifact::is_safe_path(plain)) {
    return invalid("`" + key + "`: '" + text.substr(0, 200) + "' must be a relative path without '..'");
  }
  return plain;
}

Result<void> copy_entry(const fs::directory_entry& entry, const fs::path& from, const fs::path& to) {
  const fs::path target = to / entry.path().lexically_relative(from);
  std::error_code code;
  if (entry.is_directory(code)) {
    return create_folders(target);
  }
  const bool executable = (entry.status(code).permissions() & fs::perms::owner_exec) != fs::perms::none;
  fs::copy_file(entry.path(), target, fs::copy_options::overwrite_existing, code);
  if (!code) {
    fs::permissions(target, fs::perms(executable ? 0755 : 0644), code);
  }
  if (code) {
    const bool full = code == std::errc::no_space_on_device;
    return Error{full ? ErrorCode::kResourceExhausted : ErrorCode::kInternal,
                 "cannot copy " + target.string() + ": " + code.message()};
  }
  return {};
}

Result<void> copy_folder(const fs::path& from, const fs::path& to) {
  std::error_code code;
  for (fs::recursive_directory_iterator entry(from, code); !code && entry != fs::recursive_directory_iterator();
       entry.increment(code)) {
    LUTHIER_TRY_VOID(copy_entry(*entry, from, to));
  }
  return code ? Result<void>(Error{ErrorCode::kInternal, "cannot list " + from.string() + ": " + code.message()})
              : Result<void>();
}

bool has_type(const Json& value, const std::string& type) {
  return type == "string"  ? value.is_string()
         : type == "int"   ? value.is_number_integer()
         : type == "float" ? value.is_number()
         : type == "bool"  ? value.is_boolean()
         : type == "list"  ? value.is_array()
                           : type == "map" && value.is_object();
}

// What stands in a file of values, for a message.
std::string described(const Json& value) {
  return value.dump(-1, ' ', false, Json::error_handler_t::replace).substr(0, 100);
}

Result<Json> read_values(const fs::path& folder, const Json& with) {
  if (!with.contains("values")) {
    return Json::object();
  }
  LUTHIER_TRY(const std::string name, plain_path("values", with["values"]));
  const Result<std::string> text = read_file(folder / name, kValuesBytesMax);
  if (!text) {
    return invalid("the command left no file '" + name + "', which `values` names: " + text.error().message);
  }
  Json values = Json::parse(*text, nullptr, false);
  if (!values.is_object()) {
    return invalid("'" + name + "', which `values` names, is not a JSON object");
  }
  return values;
}

Result<Json> declared_value(const std::string& name, const std::string& type, const Json& values, const Json& with) {
  const std::string file = with.value("values", std::string());
  if (!values.contains(name)) {
    return invalid("output '" + name + "' is not in '" + file + "'; the command must write it there");
  }
  if (!has_type(values[name], type)) {
    return invalid("output '" + name + "' in '" + file + "' is " + described(values[name]) +
                   ", but it is declared as " + type);
  }
  return values[name];
}

Result<Json> declared_path(const std::string& name, const Json& output, const fs::path& folder, const fs::path& work) {
  const bool plain = output.is_string();
  LUTHIER_TRY(const std::string path, plain_path("outputs." + name, plain ? output : output.value("path", Json())));
  std::error_code code;
  if (!fs::exists(folder / path, code)) {
    return invalid("the command left no '" + path + "', which `outputs." + name + "` declares (looked in its folder '" +
                   (folder == work ? "." : folder.lexically_relative(work).generic_string()) + "')");
  }
  return Json{{"$path", (folder / path).lexically_relative(work).generic_string()},
              {"kind", plain ? "source" : output.value("kind", std::string("source"))}};
}

}  // namespace

Result<fs::path> command_folder(const fs::path& work, const Json& with) {
  if (!with.contains("workdir")) {
    return work;
  }
  LUTHIER_TRY(const std::string plain, plain_path("workdir", with["workdir"]));
  return plain == "." ? work : work / plain;
}

Result<void> place_files(const fs::path& work, const Json& with) {
  LUTHIER_TRY(const fs::path folder, command_folder(work, with));
  const Json files = with.value("files", Json());
  if (!files.is_object() || !files.contains("$path")) {
    return create_folders(folder);
  }
  LUTHIER_TRY_VOID(copy_folder(files["$path"].get<std::string>(), work));
  std::error_code code;
  return fs::is_directory(folder, code) ? Result<void>()
                                        : Result<void>(invalid("`workdir`: the step's files have no folder '" +
                                                               with.value("workdir", std::string()) + "'"));
}

Result<Json> add_declared_outputs(const fs::path& work, const Json& with, Json reported) {
  const Json declared = with.value("outputs", Json());
  if (!declared.is_object()) {
    return reported;
  }
  LUTHIER_TRY(const fs::path folder, command_folder(work, with));
  LUTHIER_TRY(const Json values, read_values(folder, with));
  if (!reported.is_object()) {
    reported = Json::object();
  }
  for (const auto& [name, output] : declared.items()) {
    if (output.is_object() && output.contains("type")) {
      LUTHIER_TRY(reported[name], declared_value(name, output.value("type", std::string()), values, with));
    } else {
      LUTHIER_TRY(reported[name], declared_path(name, output, folder, work));
    }
  }
  return reported;
}

}  // namespace luthier::agents
