"""A tuning plan as a request to the training estimate: what is planned is what is estimated."""

from app.schemas.plan import FineTuningPlan, LoraPlan, TrainingHardware, TrainingPlan
from app.schemas.training import Hardware, LoraSettings, TrainingRequest, TrainingSettings
from app.schemas.vocabulary import Method, Quantization


def quantization(method: Method) -> Quantization:
    """How frozen weights are stored under a method."""
    return "nf4_double" if method == "qlora" else "none"


def training_request(
    plan: FineTuningPlan, architecture: dict[str, object] | None = None, usd_per_gpu_hour: float | None = None
) -> TrainingRequest:
    """Exactly the plan as a request to the training estimate; what is planned is what is estimated."""
    made = request_of(
        plan.base_model, architecture, plan.method, plan.lora, plan.training, plan.hardware, usd_per_gpu_hour
    )
    return made.model_copy(update={"quantization": plan.quantization})  # a plan that was edited may have another


def request_of(
    base_model: str,
    architecture: dict[str, object] | None,
    method: Method,
    lora: LoraPlan | None,
    training: TrainingPlan,
    hardware: TrainingHardware,
    usd_per_gpu_hour: float | None,
) -> TrainingRequest:
    """The request of plan parts; validated, so that a plan that could not be asked for fails loudly."""
    return TrainingRequest(
        base_model=base_model,
        architecture=architecture,
        method=method,
        quantization=quantization(method),
        lora=lora_settings(lora),
        training=TrainingSettings(
            micro_batch_size=training.micro_batch_size,
            gradient_accumulation_steps=training.gradient_accumulation_steps,
            max_seq_length=training.max_seq_length,
            mean_seq_length=training.mean_seq_length,
            packing=training.packing,
            gradient_checkpointing=training.gradient_checkpointing,
            attention=training.attention,
            optimizer=training.optimizer,
            precision=training.precision,
            framework="hf_peft",
            examples=training.examples,
            num_epochs=training.num_epochs,
        ),
        hardware=Hardware(
            gpu=hardware.gpu,
            gpu_count=hardware.gpu_count,
            sharding=hardware.sharding,
            usd_per_gpu_hour=usd_per_gpu_hour,
        ),
    )


def lora_settings(lora: LoraPlan | None) -> LoraSettings | None:
    """The adapter of a plan as the estimate reads it."""
    if lora is None:
        return None
    return LoraSettings(
        r=lora.r,
        lora_alpha=lora.lora_alpha,
        target_modules=lora.target_modules,
        target_parameters=lora.target_parameters or None,
        lora_dropout=lora.lora_dropout,
        use_dora=lora.use_dora,
        use_rslora=lora.use_rslora,
    )
