{%- if LEARNRELAY_ASPECTS == "clickhouse" -%}
# After Aspects has made its tables and views: each of them is to know a batch that comes again.
learnrelay clickhouse init
{%- else -%}
echo "learnrelay writes to no ClickHouse: nothing to prepare"
{%- endif %}
