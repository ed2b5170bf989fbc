#include "cli/doctor.h"

#include <algorithm>
#include <cstdio>

#include "cli/connection.h"
#include "cli/format.h"

namespace luthier::cli {
namespace {

const char* name_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::kOk: return "ok";
    case Verdict::kWarn: return "warn";
    case Verdict::kFail: return "fail";
  }
  return "fail";
}

void print_text(const std::vector<Finding>& findings) {
  for (const Finding& finding : findings) {
    std::printf("%-4s  %-12s  %s%s%s\n", name_of(finding.verdict), finding.check.c_str(),
                printable(finding.found).c_str(), finding.remedy.empty() ? "" : "; ",
                printable(finding.remedy).c_str());
  }
}

void print_json(const std::vector<Finding>& findings, Verdict worst) {
  Json checks = Json::array();
  for (const Finding& finding : findings) {
    checks.push_back({{"check", finding.check},
                      {"verdict", name_of(finding.verdict)},
                      {"found", finding.found},
                      {"remedy", finding.remedy}});
  }
  const Json report = {{"worst", name_of(worst)}, {"checks", std::move(checks)}};
  std::printf("%s\n", report.dump(2, ' ', false, Json::error_handler_t::replace).c_str());
}

}  // namespace

int doctor_command(const GlobalOptions& options) {
  const std::filesystem::path data = data_folder(options, environment);
  std::vector<Finding> findings = check_machine(data);
  for (const std::vector<Finding>& more : {check_installation(data), check_controller(options)}) {
    findings.insert(findings.end(), more.begin(), more.end());
  }
  Verdict worst = Verdict::kOk;
  for (const Finding& finding : findings) {
    worst = std::max(worst, finding.verdict);
  }
  if (options.json) {
    print_json(findings, worst);
  } else {
    print_text(findings);
  }
  return worst == Verdict::kFail ? kExitFailure : kExitSuccess;
}

}  // namespace luthier::cli
