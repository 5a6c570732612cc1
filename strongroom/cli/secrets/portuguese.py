"""The Portuguese (pt-BR) of what `strongroom secrets` says, by the English template; same fields in braces."""

PORTUGUESE: dict[str, str] = {
    # generate
    "# Generated at {time}": "# Gerado em {time}",
    "# KEEP THIS FILE SAFE - NEVER PUT IT UNDER GIT": "# MANTENHA ESTE ARQUIVO SEGURO - NÃO VERSIONE EM GIT",
    "The environment carries column keys already. Make a file beside them?": (
        "O ambiente já tem chaves de colunas. Criar também um arquivo?"
    ),
    "[OK] Configuration written to: {file}": "[OK] Configuracao gerada em: {file}",
    "[OK] Version: {version}": "[OK] Versao: {version}",
    "[OK] Permissions set to 600": "[OK] Permissoes definidas como 600",
    "[NOTICE] NEXT STEPS:": "[AVISO] PROXIMOS PASSOS:",
    "   1. Add it to .gitignore: echo '{file}' >> .gitignore": (
        "   1. Adicione ao .gitignore: echo '{file}' >> .gitignore"
    ),
    "   2. Make a backup: strongroom secrets backup-config": "   2. Faca backup: strongroom secrets backup-config",
    "   3. In production, wrap the keys by a KMS or Vault": "   3. Em producao, mova para Vault/Secret Manager",
    # list
    "Active version: {version}": "Versao ativa: {version}",
    "Available versions ({count}):": "Versoes disponiveis ({count}):",
    "  - {version}{note}": "  - {version}{note}",
    "  - {origin}": "  - {origin}",
    "  - {entry}": "  - {entry}",
    "[INFO] Configuration loaded from:": "[INFO] Configuracao carregada de:",
    "environment variables": "Variaveis de ambiente",
    "pending": "pendente",
    "active": "ativa",
    "disabled": "desativada",
    "destroyed": "destruída",
    # register
    "  - {place}": "  - {place}",
    "[OK] Encrypted columns registered: {count}": "[OK] Colunas criptografadas registradas: {count}",
    # reencrypt
    "Re-encrypt {target} with version '{version}'?": "Recriptografar {target} com a versao '{version}'?",
    "Job ID: {number}": "Job ID: {number}",
    "Target: {target}": "Alvo: {target}",
    "Target version: {version}": "Versão alvo: {version}",
    "Total records: {total}": "Total de registros: {total}",
    "Progress: {done}/{total} ({skipped} skipped)": "Progresso: {done}/{total} ({skipped} ignorados)",
    "Re-encrypting": "Recriptografando",
    "[OK] Re-encryption complete!": "[OK] Recriptografia concluida!",
    "[OK] Dry run complete! Nothing was changed.": "[OK] Simulacao concluida! Nada foi alterado.",
    "  To process: {rows}": "  A processar: {rows}",
    "  Processed: {rows}": "  Processados: {rows}",
    "  Skipped (up to date): {rows}": "  Ignorados (ja atualizados): {rows}",
    "  Errors: {rows}": "  Erros: {rows}",
    "  Version {version}: {rows}": "  Versao {version}: {rows}",
    "row {key} was left as it is: {reason}": "o registro {key} ficou como estava: {reason}",
    "and {rows} more, see --json and the table reencrypt_quarantine.": (
        "e mais {rows}; veja --json e a tabela reencrypt_quarantine."
    ),
    # list-jobs
    "Re-encryption jobs ({count}):": "Jobs de recriptografia ({count}):",
    # cleanup-jobs
    "Finished jobs older than {days} days: {count}": "Jobs finalizados a mais de {days} dias: {count}",
    "Stalled jobs older than {days} days: {count}": "Jobs parados a mais de {days} dias: {count}",
    "Remove {count} jobs?": "Remover {count} jobs?",
    "[OK] Jobs removed: {count}": "[OK] Jobs removidos: {count}",
    # validate-config
    "[OK] Permissions: 600": "[OK] Permissoes: 600",
    "[OK] Version {version}: salt matches its hash": "[OK] Versao {version}: salt confere com o hash",
    "[OK] Version {version}: key matches its check value": "[OK] Versao {version}: chave confere com a verificacao",
    "version {version} has no check value; the next change of the file adds it.": (
        "a versão {version} não tem valor de verificação; a próxima alteração do arquivo o acrescenta."
    ),
    "[OK] File: nothing was changed since it was written": "[OK] Arquivo: sem alteracoes desde que foi gravado",
    "the file has no MAC; the next change of the file adds it.": (
        "o arquivo não tem MAC; a próxima alteração do arquivo o acrescenta."
    ),
    "[OK] Valid configuration: {file} (active version: {version})": (
        "[OK] Configuracao valida: {file} (versao ativa: {version})"
    ),
    # rotate
    "New version: {version}": ("Nova versão: {version}"),
    "Persist: {answer}": ("Persistir: {answer}"),
    "Dry-run: {answer}": ("Dry-run: {answer}"),
    "Yes": ("Sim"),
    "No": ("Não"),
    "[DRY-RUN] Nothing was changed": ("[DRY-RUN] Nada foi alterado"),
    "Create version '{version}' and make it active?": ("Criar versão '{version}' e marcar como ativa?"),
    "[OK] New version '{version}' created and active": ("[OK] Nova versao '{version}' criada e ativada"),
    "[OK] File '{file}' updated": ("[OK] Arquivo '{file}' atualizado"),
    "[NOTICE] Next steps:": ("[AVISO] Proximos passos:"),
    "   1. Run 'strongroom secrets reencrypt' to update existing data": (
        "   1. Execute 'strongroom secrets reencrypt' para atualizar dados existentes"
    ),
    "   2. Follow the progress of the re-encryption": ("   2. Monitore o progresso da recriptografia"),
    "   3. Afterwards, remove old versions if you like": ("   3. Apos conclusao, remova versoes antigas se desejar"),
    "Waiting for processes that do not know it yet: {names}": (
        "Aguardando processos que ainda não a conhecem: {names}"
    ),
    "Write version '{version}' to '{file}'?": ("Gravar a versão '{version}' em '{file}'?"),
    "[OK] Version '{version}' written to '{file}'": ("[OK] Versao '{version}' gravada em '{file}'"),
    "[NOTICE] Give its lines to every process; change ACTIVE_ENCRYPTION_VERSION only when all have them": (
        "[AVISO] Entregue as linhas a todos os processos; mude ACTIVE_ENCRYPTION_VERSION so depois que todos as tiverem"
    ),
    # backup-config, restore-config
    "Passphrase of the copy": ("Senha da cópia"),
    "[OK] Backup created: {file}": ("[OK] Backup criado: {file}"),
    "[OK] Old backup removed: {file}": ("[OK] Backup antigo removido: {file}"),
    "[OK] Backup is whole: {versions}": ("[OK] Backup integro: {versions}"),
    "[NOTICE] Kept from the file, to read only: {versions}": (
        "[AVISO] Mantidas do arquivo, somente para leitura: {versions}"
    ),
    "Restore '{backup}' to '{file}'?": ("Restaurar '{backup}' em '{file}'?"),
    "[OK] Configuration restored from: {backup}": ("[OK] Configuracao restaurada de: {backup}"),
    "the file that is replaced cannot be read: {reason}": ("o arquivo a ser substituído não pode ser lido: {reason}"),
    # remove-versions, cleanup-keys, cleanup-stats, disable-versions, enable-versions
    "[CLEANUP-AUDIT] Operation started - ID: {operation}": ("[CLEANUP-AUDIT] Operação iniciada - ID: {operation}"),
    "[CLEANUP-AUDIT] Version {version} is needed: {reason}": (
        "[CLEANUP-AUDIT] Versão {version} ainda é necessária: {reason}"
    ),
    "[CLEANUP-AUDIT] Rollback - ID: {operation}": ("[CLEANUP-AUDIT] Rollback automático - ID: {operation}"),
    "[CLEANUP-AUDIT] Error: {code}": ("[CLEANUP-AUDIT] Erro: {code}"),
    "[CLEANUP-SUMMARY] ID: {operation} - Outcome: {outcome} - Versions removed: {versions}": (
        "[CLEANUP-SUMMARY] ID: {operation} - Resultado: {outcome} - Versões removidas: {versions}"
    ),
    "done": ("concluída"),
    "refused": ("recusada"),
    "rolled back": ("revertida"),
    "dry-run": ("simulação"),
    "started": ("iniciada"),
    "removed": ("removidas"),
    "Versions to remove: {versions}": ("Versoes a remover: {versions}"),
    "Remove versions {versions} from '{file}'?": ("Remover as versões {versions} de '{file}'?"),
    "[OK] Versions removed: {versions}": ("[OK] Versoes removidas: {versions}"),
    "  - {version} stays: {reason}": ("  - {version} permanece: {reason}"),
    "Operations: {count}": ("Operacoes: {count}"),
    "Versions removed: {count}": ("Versoes removidas: {count}"),
    "Disable versions {versions}?": ("Desativar as versões {versions}?"),
    "[OK] Versions disabled: {versions}": ("[OK] Versoes desativadas: {versions}"),
    "[OK] Versions enabled: {versions}": ("[OK] Versoes reativadas: {versions}"),
    # list, with an installation
    "{count} rows of {place} (counted {when})": ("{count} registros de {place} (contados em {when})"),
    "{count} rows of {place} are indexed under it (counted {when})": (
        "{count} registros de {place} estão indexados com ela (contados em {when})"
    ),
    "rows of {place}: not counted yet (list --count)": ("registros de {place}: ainda não contados (list --count)"),
    "{count} quarantined rows": ("{count} registros em quarentena"),
    "{count} live processes write under it": ("{count} processos ativos gravam com ela"),
    "{count} kept backups may hold rows under it": ("{count} backups mantidos podem conter registros dela"),
    "written under now": ("usada para gravar agora"),
    "not written under yet": ("ainda não usada para gravar"),
    "nobody noted until when it was written under": ("ninguém anotou até quando foi usada para gravar"),
    "not used since {when}": ("sem uso desde {when}"),
    "written under until {when}": ("usada para gravar até {when}"),
    "Key slots of backups, by region and the key that opens them:": (
        "Slots de chave dos backups, por região e pela chave que os abre:"
    ),
    "  - {region}: not counted yet (list --count)": ("  - {region}: ainda não contados (list --count)"),
    "  - {region} (counted {when})": ("  - {region} (contados em {when})"),
    "{region} {version}: {slots} slots": ("{region} {version}: {slots} slots"),
    "{region} {version}: {slots} slots, newest backup of {when}": (
        "{region} {version}: {slots} slots, backup mais novo de {when}"
    ),
    "the key slots of region {region} were not counted: {reason}": (
        "os slots de chave da região {region} não foram contados: {reason}"
    ),
    "      {line}": ("      {line}"),
    "it is not shown who needs the versions: {reason}": ("não se mostra quem precisa das versões: {reason}"),
    "version {version} has encrypted very many rows of {place}: rotate it.": (
        "a versão {version} criptografou muitos registros de {place}: faça a rotação."
    ),
    "not every column was counted: {reason}": ("nem toda coluna foi contada: {reason}"),
    "the copy is not compared with the keys of processes: {reason}": (
        "a cópia não é comparada com as chaves dos processos: {reason}"
    ),
    "version {version} has been active for {days} days: rotate it.": (
        "a versão {version} está ativa há {days} dias: faça a rotação."
    ),
}
