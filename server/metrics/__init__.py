"""The numbers of a service, as Prometheus reads them (`docs/metrics.md`).

Owns which metrics there are (`numbers`), and how one scrape sees every process of a port (`siblings`). They are read
where they are kept, at the moment of the scrape: nothing on the way of a message knows Prometheus.
"""
