"""The way of spans to a collector, and what is logged of it."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import structlog
from opentelemetry.exporter.otlp.proto.http import trace_exporter
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

log = structlog.stdlib.get_logger("feedmill.traces")


class Exporter(SpanExporter):
    """Wraps the SDK's exporter, which logs each failure anew; this logs when failures begin and when they end."""

    def __init__(self, collector: str) -> None:
        """collector: the OTLP/HTTP URL for traces."""
        self._exporter: SpanExporter = trace_exporter.OTLPSpanExporter(endpoint=collector)
        self._well = True
        self._said = _Said()
        logging.getLogger(trace_exporter.__name__).addFilter(self._said)

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        result = self._exporter.export(spans)
        well = result is SpanExportResult.SUCCESS
        if well and not self._well:
            log.info("traces.exported")
        elif self._well and not well:
            log.warning("traces.not_exported", error=self._said.first)
        self._well, self._said.first = well, ""
        return result

    def shutdown(self) -> None:
        self._exporter.shutdown()
        logging.getLogger(trace_exporter.__name__).removeFilter(self._said)


class _Said(logging.Filter):
    """Keeps the exporter's log messages to itself."""

    first = ""

    def filter(self, record: logging.LogRecord) -> bool:
        self.first = self.first or record.getMessage()
        return False
