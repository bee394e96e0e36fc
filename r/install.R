# Installs the source packages of a lock file into a library: Rscript install.R LOCK LIBRARY [REPOSITORY]
# Without REPOSITORY it is R's own first mirror.
#
# A package's content is pinned by the sha256 of the manifest MD5 inside its archive: archives of one version are made
# anew by mirrors, their manifest is not. Every file must be in it with its own checksum. What differs ends the build.

arguments <- commandArgs(trailingOnly = TRUE)
library_folder <- arguments[[2]]
if (length(arguments) > 2 && nzchar(arguments[[3]])) {
  repository <- arguments[[3]]
} else {
  chooseCRANmirror(ind = 1, local.only = TRUE)
  repository <- getOption("repos")[["CRAN"]]
}
dir.create(library_folder, recursive = TRUE, showWarnings = FALSE)
.libPaths(c(library_folder, .libPaths()))
Sys.setenv(R_LIBS = paste(.libPaths(), collapse = .Platform$path.sep)) # for the installers, processes of their own

# A version that is not the newest has moved to the archive.
fetch <- function(package, version) {
  archive <- sprintf("%s_%s.tar.gz", package, version)
  file <- file.path(tempdir(), archive)
  contrib <- file.path(repository, "src", "contrib")
  for (address in c(file.path(contrib, archive), file.path(contrib, "Archive", package, archive))) {
    fetched <- tryCatch(suppressWarnings(download.file(address, file, mode = "wb", quiet = TRUE)), error = function(e) 1)
    if (fetched == 0) return(file)
  }
  stop(archive, " is not in the repository", call. = FALSE)
}

# The folder of the archive's package, in a folder of its own.
unpacked <- function(package, file) {
  into <- tempfile("unpacked-")
  untar(file, exdir = into)
  if (!identical(list.files(into, all.files = TRUE, no.. = TRUE), package)) {
    stop(basename(file), " holds something else than the folder ", package, call. = FALSE)
  }
  file.path(into, package)
}

sha256 <- function(file) sub(" .*", "", system2("sha256sum", shQuote(file), stdout = TRUE))

# What the manifest says by file's name: lines of 32 hexadecimal digits, " *" and the name.
manifest <- function(file) {
  lines <- readLines(file, warn = FALSE, encoding = "UTF-8")
  form <- "^([0-9a-f]{32}) [ *](.+)$"
  if (!length(lines) || !all(grepl(form, lines))) stop("the manifest MD5 cannot be read", call. = FALSE)
  setNames(sub(form, "\\1", lines), sub(form, "\\2", lines))
}

verify <- function(archive, folder, wanted) {
  wrong <- function(...) stop(archive, ": ", ..., call. = FALSE)
  file <- file.path(folder, "MD5")
  if (!file.exists(file)) wrong("has no manifest MD5, so its content cannot be checked")
  found <- sha256(file)
  if (found != wanted) wrong("its manifest MD5 has the sha256 ", found, ", the lock file says ", wanted)
  listed <- manifest(file)
  present <- setdiff(list.files(folder, recursive = TRUE, all.files = TRUE), "MD5")
  lacking <- setdiff(names(listed), present)
  if (length(lacking)) wrong("lacks ", paste(lacking, collapse = ", "))
  unlisted <- setdiff(present, names(listed))
  if (length(unlisted)) wrong("has files that its manifest does not name: ", paste(unlisted, collapse = ", "))
  sums <- tools::md5sum(file.path(folder, names(listed)))
  other <- names(listed)[sums != listed]
  if (length(other)) wrong("other content than its manifest says: ", paste(other, collapse = ", "))
}

# lares 5.3.1 imports case_match, which Debian 12's dplyr lacks and nothing in lares uses; the recorded reference
# numbers were made without that line as well.
mend <- function(package, folder) {
  if (package != "lares") return(invisible())
  namespace <- readLines(file.path(folder, "NAMESPACE"))
  writeLines(grep("case_match", namespace, value = TRUE, invert = TRUE, fixed = TRUE), file.path(folder, "NAMESPACE"))
}

# R's own installer says nothing while all goes well, and all that it and the compiler said where it failed.
install <- function(package, version, folder) {
  said <- tempfile("said-")
  r <- file.path(R.home("bin"), "R")
  how <- c("CMD", "INSTALL", "--no-docs", paste0("--library=", shQuote(library_folder)))
  code <- system2(r, c(how, shQuote(folder)), stdout = said, stderr = said)
  if (code != 0) {
    cat(readLines(said, warn = FALSE), sep = "\n", file = stderr())
    stop(package, " ", version, " could not be installed; what R said is above", call. = FALSE)
  }
  installed <- packageVersion(package, lib.loc = library_folder)
  if (installed != package_version(version)) stop(package, ": ", installed, " was installed, not ", version, call. = FALSE)
  cat(package, as.character(installed), "\n")
}

lock <- read.table(arguments[[1]], col.names = c("package", "version", "sha256"), colClasses = "character")
for (row in seq_len(nrow(lock))) {
  package <- lock$package[row]
  version <- lock$version[row]
  file <- fetch(package, version)
  folder <- unpacked(package, file)
  verify(basename(file), folder, lock$sha256[row])
  mend(package, folder)
  install(package, version, folder)
}
