"""Both options in a few numbers: what rules and decision may read of the estimates."""

from app.records import record


@record(kw_only=True)
class Comparison:
    """Expected figures of the prompting plan and the tuning plan, side by side; None where unknown.

    Money in dollars, durations in seconds. `total` is everything over the horizon. Serving figures are for the
    deployment that was planned for the task's volume and limits.
    """

    horizon_months: float
    prompt_hosted: bool
    prompt_fits_context: bool
    prompt_monthly_usd: float | None
    prompt_upfront_usd: float | None
    prompt_total_usd: float | None
    prompt_latency_p95_seconds: float | None
    prompt_time_to_first_token_seconds: float | None
    tune_fits_gpu: bool
    tune_training_usd: float | None
    tune_monthly_usd: float | None
    tune_upfront_usd: float | None
    tune_total_usd: float | None
    tune_latency_p95_seconds: float | None
    tune_time_to_first_token_seconds: float | None
    tune_hosted_offered: bool
    """Some provider tunes and serves a suitable base model beyond the horizon."""
    tuned_base_model_parameters: float
    break_even_requests_per_day: float | None
    """None when tuning is never, or always, cheaper."""
    prompt_usd_per_request: float | None = None
    """What one request to the hosted base model costs in tokens, without anything that is paid by the month."""

    @property
    def cost_ratio(self) -> float | None:
        """Tuning's total over prompting's; None when either is unknown or prompting is free."""
        if self.tune_total_usd is None or not self.prompt_total_usd:
            return None
        return self.tune_total_usd / self.prompt_total_usd
