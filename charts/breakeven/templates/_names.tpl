{{/* The name of all objects. */}}
{{- define "breakeven.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if contains $name .Release.Name -}}
{{- .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* What selects the pods of all agents. */}}
{{- define "breakeven.selectorLabels" -}}
app.kubernetes.io/name: {{ default .Chart.Name .Values.nameOverride }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{/* The labels of every object. */}}
{{- define "breakeven.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{ include "breakeven.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{- define "breakeven.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "breakeven.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "breakeven.image" -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) -}}
{{- end -}}
{{- end -}}

{{/* The agents as JSON, {"agents": [...]}: each with what follows its name, the labels that select it, and its configuration. */}}
{{- define "breakeven.agents" -}}
{{- $agents := list -}}
{{- range .Values.shards -}}
{{- $config := mergeOverwrite (deepCopy $.Values.config) (deepCopy (default dict .config)) -}}
{{- $agents = append $agents (dict "suffix" (printf "-%s" .name) "labels" (dict "app.kubernetes.io/component" .name) "config" $config) -}}
{{- else -}}
{{- $agents = append $agents (dict "suffix" "" "labels" (dict "app.kubernetes.io/component" "agent") "config" .Values.config) -}}
{{- end -}}
{{- if .Values.persistence.enabled -}}
{{- range $agents -}}
{{- $_ := set . "config" (mergeOverwrite (deepCopy .config) (dict "state" (dict "directory" "/var/lib/breakeven"))) -}}
{{- end -}}
{{- end -}}
{{- dict "agents" $agents | toJson -}}
{{- end -}}

{{/* Whether any agent watches a cluster: "true" or nothing. */}}
{{- define "breakeven.watchesCluster" -}}
{{- range (include "breakeven.agents" . | fromJson).agents -}}
{{- if ne (toString (dig "kubernetes" "enabled" true .config)) "false" -}}true{{- end -}}
{{- end -}}
{{- end -}}

{{/* Where the agents that watch a cluster read what pods use: a list of words. */}}
{{- define "breakeven.usageSources" -}}
{{- range (include "breakeven.agents" . | fromJson).agents -}}
{{- if ne (toString (dig "kubernetes" "enabled" true .config)) "false" -}}
{{- default "metrics_api" (dig "kubernetes" "usage_source" "" .config) }} {{ end -}}
{{- end -}}
{{- end -}}

{{/* Ends with a sentence where the Prometheus operator is not installed. */}}
{{- define "breakeven.needsOperator" -}}
{{- if not (.root.Capabilities.APIVersions.Has "monitoring.coreos.com/v1") -}}
{{- fail (printf "%s.enabled: the cluster does not know monitoring.coreos.com/v1; install the Prometheus operator first, or set it to false (with helm template: --api-versions monitoring.coreos.com/v1)" .key) -}}
{{- end -}}
{{- end -}}
