# A search of some candidates in the image, with all of its outputs, to see that R, Robyn, reticulate, nevergrad and what
# Robyn draws with work together, and on how many cores: Rscript smoke.R [CORES]. Without CORES it takes what the
# container's limits leave. It ends with an error where a CSV or the one-pager is missing: Robyn itself says no more than
# a message where it cannot draw.

given <- commandArgs(trailingOnly = TRUE)
usable <- as.integer(system2("nproc", stdout = TRUE))
limit <- tryCatch(scan("/sys/fs/cgroup/cpu.max", what = "", quiet = TRUE), error = function(e) "max", warning = function(w) "max")
if (limit[1] != "max") usable <- max(1L, min(usable, as.integer(ceiling(as.numeric(limit[1]) / as.numeric(limit[2])))))
cores <- if (length(given)) as.integer(given[[1]]) else usable

library(Robyn)
cat("R", as.character(getRversion()), "Robyn", as.character(packageVersion("Robyn")), "\n")
cat("cores of the machine", parallel::detectCores(), "used", cores, "\n")

rows <- 120
candidates <- 150L
set.seed(1)
data <- data.frame(DATE = as.Date("2021-01-04") + 7 * (seq_len(rows) - 1), tv_S = runif(rows), search_S = runif(rows))
data$sales <- 10 + sin(seq_len(rows) / 8) + 2 * data$tv_S + data$search_S + rnorm(rows) / 10
names <- hyper_names(adstock = "geometric", all_media = c("tv_S", "search_S"))
ranges <- list(alphas = c(0.5, 3), gammas = c(0.3, 1), thetas = c(0, 0.5))
inputs <- robyn_inputs(
  dt_input = data, date_var = "DATE", dep_var = "sales", dep_var_type = "revenue", prophet_vars = c("trend", "season"),
  paid_media_spends = c("tv_S", "search_S"), paid_media_vars = c("tv_S", "search_S"), adstock = "geometric",
  hyperparameters = sapply(names, function(name) ranges[[sub(".*_", "", name)]], simplify = FALSE),
  window_start = "2021-01-04", window_end = as.character(max(data$DATE))
)
seconds <- system.time(
  models <- robyn_run(
    InputCollect = inputs, cores = cores, iterations = candidates, trials = 1L, seed = 1L, quiet = FALSE
  )
)[["elapsed"]]
stopifnot(models$cores == cores)

folder <- tempfile("smoke-")
dir.create(folder)
outputs <- robyn_outputs(
  InputCollect = inputs, OutputModels = models, plot_folder = folder, plot_folder_sub = "files", min_candidates = 20,
  clusters = TRUE, k = 3, csv_out = "pareto", plot_pareto = TRUE, export = TRUE, quiet = FALSE
)
pages <- paste0(outputs$clusters$models$solID, ".png")
if (!length(outputs$clusters$models$solID)) stop("Robyn found no clusters.")
for (name in c("pareto_hyperparameters.csv", "pareto_aggregated.csv", "pareto_clusters.csv", pages)) {
  size <- file.size(file.path(folder, "files", name))
  if (is.na(size) || size == 0) stop("Robyn did not write ", name, "; its messages above say why.")
}
cat(length(pages), "one-pagers and the tables were written\n")
cat(candidates, "candidates in", round(seconds, 1), "seconds on", models$cores, "cores\n")
